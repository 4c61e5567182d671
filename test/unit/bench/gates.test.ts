import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodeOf, GATES, judge, type Judged } from "../../../bench/data-plane/gates.ts";
import type { Results, Series } from "../../../bench/figures/results.ts";
import { printGates } from "../../../bench/data-plane/tables.ts";

function results(...measured: Series[]): Results {
  const machine = { cpu: "", cores: 2, memoryGib: 4, kernel: "", node: "", loadAverage: 0 };
  const options = { rounds: 3, sizeMib: 256, short: true };
  return { takenAt: "", machine, upstream: "nginx", options, versions: {}, skipped: [], series: measured };
}

function series(workload: string, program: string, measure: string, ...values: number[]): Series {
  return { workload, program, rounds: values.map((value) => ({ [measure]: value })) };
}

function find(judged: readonly Judged[], measure: string): Judged {
  const found = judged.find(({ gate }) => gate.measure.startsWith(measure));
  assert.ok(found, measure);
  return found;
}

const TO_NGINX = "CPU per GiB, HTTPS blob, to nginx-64k";

function httpsBlob(own: readonly number[], nginx: readonly number[]): readonly Judged[] {
  return judge(
    results(
      series("blob-tls", "pullmeter", "cpuSecondsPerGib", ...own),
      series("blob-tls", "nginx-64k", "cpuSecondsPerGib", ...nginx),
    ),
  );
}

test("a ratio at its goal reaches it, between goal and gate it passes, beyond it is below the gate", () => {
  assert.equal(find(httpsBlob([1, 1, 1], [1, 1, 1]), TO_NGINX).verdict, "goal reached");
  assert.equal(find(httpsBlob([1.3, 1.3, 1.3], [1, 1, 1]), TO_NGINX).verdict, "pass");
  const missed = httpsBlob([1.7, 1.7, 1.7], [1, 1, 1]);
  assert.equal(find(missed, TO_NGINX).verdict, "BELOW GATE");
  assert.equal(exitCodeOf(missed), 1);
});

test("a short run may miss the gate of a ratio by a fifth, a full one may not", () => {
  const measured = [
    series("blob-tls", "pullmeter", "cpuSecondsPerGib", 1.5),
    series("blob-tls", "nginx-64k", "cpuSecondsPerGib", 1),
  ];
  const short = results(...measured);
  assert.equal(find(judge(short), TO_NGINX).verdict, "pass");
  const full = { ...short, options: { ...short.options, short: false } };
  assert.equal(find(judge(full), TO_NGINX).verdict, "BELOW GATE");
});

function rate(own: number): Judged {
  return find(
    judge(
      results(
        series("manifest-2k/8", "pullmeter", "requestsPerSecond", own),
        series("manifest-2k/8", "caddy", "requestsPerSecond", 1_000),
        series("manifest-2k/8", "nginx-64k", "requestsPerSecond", 9_000),
      ),
    ),
    "rate of 2 KB manifests, 8",
  );
}

test("rates must be at least what the gate says", () => {
  assert.equal(rate(999).verdict, "BELOW GATE");
  assert.equal(rate(1_001).verdict, "pass");
  assert.equal(rate(2_000).verdict, "goal reached");
});

test("a reference that varies by more than 30 % is none, and the exit code says so", () => {
  const noisy = httpsBlob([5, 5, 5], [1, 1, 1.31]);
  assert.equal(find(noisy, TO_NGINX).verdict, "too noisy");
  assert.equal(exitCodeOf(noisy), 3);
  assert.match(printGates(noisy), /too noisy \(31 %\)/);
});

test("a gate that is missed for sure outweighs one that cannot be judged", () => {
  const judged = judge(
    results(
      series("blob-tls", "pullmeter", "cpuSecondsPerGib", 5, 5),
      series("blob-tls", "nginx-64k", "cpuSecondsPerGib", 1, 2),
      series("syscalls", "pullmeter", "writesPerMib", 64),
    ),
  );
  assert.equal(exitCodeOf(judged), 1);
});

test("added latency is what is beyond no proxy at all", () => {
  const judged = judge(
    results(
      series("latency-1/1", "direct", "p50Us", 150, 160),
      series("latency-1/1", "nginx-64k", "p50Us", 180, 185),
      series("latency-1/1", "caddy", "p50Us", 350, 360),
      series("latency-1/1", "pullmeter", "p50Us", 250, 260),
    ),
  );
  assert.equal(find(judged, "added p50").value, 0.5);
  assert.equal(find(judged, "added p50").verdict, "goal reached");
});

function withSlowClients(rssMb: number): Judged {
  return find(judge(results(series("slow-100", "pullmeter", "rssMb", rssMb))), "RSS with 100 slow clients");
}

test("memory of slow clients may be 75 MB and 0.35 MB for each, in a short run a twentieth more", () => {
  assert.equal(withSlowClients(115).verdict, "pass");
  assert.equal(withSlowClients(116).verdict, "BELOW GATE");
  assert.equal(withSlowClients(82).verdict, "goal reached");
});

test("what was not measured is told, and fails nothing", () => {
  const nothing = judge(results());
  assert.ok(nothing.every(({ verdict }) => verdict === "not measured"));
  assert.equal(exitCodeOf(nothing), 0);
});

test("no goal is easier than its gate", () => {
  for (const { measure, bound, gate, goal } of GATES) {
    assert.ok(bound === "at most" ? goal <= gate : goal >= gate, measure);
  }
});
