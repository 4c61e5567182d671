import assert from "node:assert/strict";
import { test } from "node:test";
import { disagreements, falseStalls, observationOf, parseSamples, pullLinesOf } from "../../../bench/truth/observed.ts";

const LINE = {
  schema: "pullmeter.pull/v1",
  id: "a",
  isolation: "bench",
  registry: "main-example.com",
  status: "timeout",
  on_disk: false,
  has_creds: true,
  trigger: "execution",
  cause: "stalled",
  repository: "lib/app",
  reference: "v1",
  client_process: 42,
  start: "2026-01-01T00:00:01.000Z",
  duration_ms: 250.5,
  blobs: [{ role: "manifest", digest: "sha256:a", start_ms: 3.5 }],
};

function metricsWith(origin: number, twin: number): string {
  const labels = 'isolation="bench",registry="main-example.com",on_disk="false",has_creds="true",trigger="execution"';
  return [
    "# TYPE pullmeter_pull_duration_seconds histogram",
    `pullmeter_pull_duration_seconds_count{${labels},status="timeout"} ${twin}`,
    `buildbuddy_remote_execution_image_fetch_duration_usec_count{${labels},status="error"} ${origin}`,
    "pullmeter_pulls_in_progress 0",
    "",
  ].join("\n");
}

test("pull lines are known by their schema", () => {
  assert.deepEqual(
    pullLinesOf([{ msg: "ready" }, LINE]).map(({ id }) => id),
    ["a"],
  );
});

test("an observation has absolute times", () => {
  const [line] = pullLinesOf([LINE]);
  const { startMs, endMs, process, blobs } = observationOf(line!);
  const start = Date.UTC(2026, 0, 1, 0, 0, 1);
  assert.deepEqual(
    [startMs, endMs, process, blobs],
    [start, start + 250.5, 42, [{ digest: "sha256:a", startMs: start + 3.5 }]],
  );
});

test("log and metrics agree when each line is one observation in both histograms", () => {
  assert.deepEqual(disagreements(pullLinesOf([LINE]), metricsWith(1, 1)), []);
});

test("a line that no histogram counted, and a count without a line, are told", () => {
  assert.equal(disagreements(pullLinesOf([LINE, LINE]), metricsWith(1, 1)).length, 2);
  assert.deepEqual(
    disagreements([], metricsWith(0, 1)).map((text) => text.split(" with ")[0]),
    ["pullmeter_pull_duration_seconds counts 1, the log 0"],
  );
});

function stalls(side: string, count: number): string {
  return `pullmeter_stalls_total{registry="a",side="${side}"} ${count}\n`;
}

test("a stall of an upstream is a false one, of a client it is not", () => {
  assert.deepEqual(falseStalls(`${stalls("client", 3)}${stalls("upstream", 0)}`), []);
  assert.equal(falseStalls(stalls("upstream", 1)).length, 1);
});

test("samples are read with their labels, comments are not", () => {
  const samples = parseSamples(metricsWith(1, 2));
  assert.deepEqual([samples.size, samples.get("pullmeter_pulls_in_progress")], [3, 0]);
});
