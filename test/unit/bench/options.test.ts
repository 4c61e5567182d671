import assert from "node:assert/strict";
import { test } from "node:test";
import { readOptions } from "../../../bench/data-plane/options.ts";
import { inRounds } from "../../../bench/data-plane/workload.ts";

test("the full form runs everything seven times", () => {
  const { workloads, programs, rounds, blobRounds, sizeMib, gate } = readOptions([]);
  assert.deepEqual([workloads.length, programs.length, rounds, blobRounds], [14, 12, 7, 7]);
  assert.deepEqual([sizeMib, gate], [1024, false]);
});

test("the short form has everything that the gates compare with", () => {
  const { programs, workloads } = readOptions(["--short", "--gate"]);
  for (const name of ["direct", "nginx-64k", "caddy", "http-proxy", "bare", "pullmeter"])
    assert.ok(programs.includes(name));
  for (const name of ["blob-tls", "blob-plain", "par6", "manifest-2k", "latency-1", "slow-100", "syscalls"])
    assert.ok(workloads.includes(name));
});

test("the short form repeats what is over soon more often; rounds that are asked for are those of everything", () => {
  const [short, asked] = [readOptions(["--short"]), readOptions(["--short", "--rounds", "5"])];
  assert.ok(short.blobRounds > short.rounds);
  assert.deepEqual([asked.rounds, asked.blobRounds], [5, 5]);
});

test("what is measured and what everything is compared with cannot be left out", () => {
  assert.deepEqual(readOptions(["--peers", "caddy"]).programs, ["nginx-64k", "caddy", "pullmeter"]);
});

test("a name that is none is refused with those that are", () => {
  assert.throws(() => readOptions(["--peers", "squid"]), /--peers: "squid" is none of direct, nginx-64k/);
  assert.throws(() => readOptions(["--workload", "blob"]), /--workload: "blob" is none of start/);
  assert.throws(() => readOptions(["--rounds", "0"]), /--rounds: "0" is not a whole number from 1 on/);
});

const items = [{ name: "caddy" }, { name: "pullmeter" }];

test("every other round runs in reversed order", async () => {
  const order: string[] = [];
  await inRounds({ skip: () => {} }, { workload: "w", rounds: 3, items }, async ({ name }) => void order.push(name));
  assert.deepEqual(order.join(" "), "caddy pullmeter pullmeter caddy caddy pullmeter");
});

test("a peer that fails is told and left out from then on", async () => {
  const measured: string[] = [];
  const skipped: string[] = [];
  const skip = (...told: string[]) => void skipped.push(told.join(": "));
  await inRounds({ skip }, { workload: "w", rounds: 2, items }, async ({ name }) => {
    if (name === "caddy") throw new Error("status 502");
    measured.push(name);
  });
  assert.deepEqual([measured, skipped], [["pullmeter", "pullmeter"], ["w: caddy: failed: status 502"]]);
});

const fail = (): Promise<never> => Promise.reject(new Error("status 502"));

test("pullmeter must not fail", async () => {
  await assert.rejects(
    inRounds({ skip: () => {} }, { workload: "w", rounds: 1, items: items.slice(1) }, fail),
    /pullmeter failed in w/,
  );
});
