import assert from "node:assert/strict";
import { test } from "node:test";
import { CollectionLoad } from "../../../src/cli/collection-load.ts";

/** What was told when garbage was collected every 100 ms, for so long each time. */
function toldFor(tookMs: readonly number[]): boolean[] {
  const told: boolean[] = [];
  const load = new CollectionLoad(0, (isBusy) => told.push(isBusy));
  for (const [at, each] of tookMs.entries()) load.collected((at + 1) * 100, each);
  return told;
}

const aSecond = (tookMs: number): number[] => Array.from({ length: 10 }, () => tookMs);

test("it is load when collecting takes more than a hundredth of the time for a second", () => {
  assert.deepEqual(toldFor(aSecond(2)), [false, true]);
  assert.deepEqual(toldFor(aSecond(0.9)), [false, false]);
});

test("one burst is no load, however long its garbage took", () => {
  assert.deepEqual(toldFor([...aSecond(0.1), 60, ...aSecond(0.1)]), [false, false, false, false]);
});

test("it is over as soon as half a second was calm", () => {
  assert.deepEqual(toldFor([...aSecond(2), ...aSecond(0.1)]), [false, true, false, false]);
});

test("the time without any garbage counts as calm", () => {
  const told: boolean[] = [];
  const load = new CollectionLoad(0, (isBusy) => told.push(isBusy));
  for (let second = 1; second <= 5; second += 1) load.collected(second * 1000, 8);
  assert.deepEqual(told, [false, false, false, false, false]);
});
