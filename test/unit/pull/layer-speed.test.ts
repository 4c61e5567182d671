import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesPerSecond, layerThroughput, slowestLayer } from "../../../src/pull/layer-speed.ts";
import { finishedBlob, START_MS } from "../../support/finished-pull.ts";

test("speed is counted from the head of the response to the last byte", () => {
  const blob = finishedBlob({
    deliveredBytes: 3_000_000,
    startMs: START_MS,
    firstByteMs: START_MS + 500,
    endMs: START_MS + 2000,
  });
  assert.equal(bytesPerSecond(blob), 2_000_000);
  assert.equal(layerThroughput(blob), 2_000_000);
});

test("what did not come whole in one response has no speed", () => {
  for (const change of [
    { done: false },
    { requests: 2 },
    { deliveredBytes: 0 },
    { firstByteMs: START_MS + 1500, endMs: START_MS + 1500 },
  ]) {
    assert.equal(bytesPerSecond(finishedBlob(change)), undefined, JSON.stringify(change));
  }
  const { firstByteMs: _, ...unanswered } = finishedBlob();
  assert.equal(bytesPerSecond(unanswered), undefined);
});

test("only layers from 1 MB up tell the throughput", () => {
  assert.equal(layerThroughput(finishedBlob({ deliveredBytes: 999_999 })), undefined);
  assert.equal(layerThroughput(finishedBlob({ deliveredBytes: 5_000_000, role: "config" })), undefined);
  assert.ok(layerThroughput(finishedBlob({ deliveredBytes: 1_000_000 })));
});

function lasting(ms: number, role: "layer" | "config" = "layer") {
  return finishedBlob({ role, startMs: START_MS, endMs: START_MS + ms });
}

test("the slowest layer is the one that took longest, waiting included; configs and manifests are none", () => {
  assert.equal(slowestLayer([]), undefined);
  assert.equal(slowestLayer([lasting(900, "config")]), undefined);
  const slow = lasting(800);
  assert.equal(slowestLayer([lasting(100), lasting(900, "config"), slow, lasting(800)]), slow);
});
