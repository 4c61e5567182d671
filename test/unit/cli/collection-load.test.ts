import assert from "node:assert/strict";
import { test } from "node:test";
import { CollectionLoad } from "../../../src/cli/collection-load.ts";

/** What was told when garbage was collected every 50 ms, for so long each time. */
function toldFor(tookMs: readonly number[]): boolean[] {
  const told: boolean[] = [];
  const load = new CollectionLoad(0, (isBusy) => told.push(isBusy));
  for (const [at, each] of tookMs.entries()) load.collected((at + 1) * 50, each);
  return told;
}

/** Six windows of 150 ms. */
const aWhile = (tookMs: number): number[] => Array.from({ length: 18 }, () => tookMs);
const calm = [false, false, false, false, false, false];

test("it is load when collecting takes more than 3 % of the time for almost half a second", () => {
  assert.deepEqual(toldFor(aWhile(2)), [false, false, true, true, true, true]);
  assert.deepEqual(toldFor(aWhile(1.4)), calm);
});

test("one burst is no load, however long its garbage took", () => {
  assert.deepEqual(toldFor([...aWhile(0.05), 60, 60, ...aWhile(0.05).slice(2)]), [...calm, ...calm]);
});

test("it is over as soon as one window was calm", () => {
  assert.deepEqual(toldFor([...aWhile(2), ...aWhile(0.05)]).slice(4), [true, true, ...calm]);
});

test("the time without any garbage counts as calm", () => {
  const told: boolean[] = [];
  const load = new CollectionLoad(0, (isBusy) => told.push(isBusy));
  for (let second = 1; second <= 5; second += 1) load.collected(second * 1000, 8);
  assert.deepEqual(told, [false, false, false, false, false]);
});
