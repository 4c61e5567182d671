import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../../../src/workers/backoff.ts";

test("a worker that dies at once each time is waited for twice as long, up to 10 s; one that lived a minute is not", () => {
  const backoff = new Backoff();
  const waits = Array.from({ length: 9 }, () => backoff.afterDeath(50));
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  assert.equal(backoff.afterDeath(60_000), 100);
  assert.equal(backoff.afterDeath(59_999), 200);
});
