import assert from "node:assert/strict";
import { test } from "node:test";
import { clockFrom } from "../../../src/workers/clock.ts";

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** That of a process which began before the time of day was set back by an hour. */
function primary(): number {
  return performance.timeOrigin + performance.now() + 3_600_000;
}

test("a worker's clock shows what the primary's shows, whatever the time of day was when it began", () => {
  const worker = clockFrom(primary() - monotonicMs(), monotonicMs());
  const before = primary();
  const shown = worker();
  // 5 ms: what may pass between reading two clocks on a busy machine.
  assert.ok(shown >= before - 5 && shown <= primary() + 5, `${shown - before} ms apart`);
});
