import assert from "node:assert/strict";
import { test } from "node:test";
import { median, pairedRatio, quantile, spread } from "../../../bench/figures/statistics.ts";
import { growth } from "../../../bench/data-plane/workloads/slow.ts";

test("the median is the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 2, 9]), 3);
  assert.ok(Number.isNaN(median([])));
});

test("a quantile is a value that was measured: nearest rank", () => {
  const values = Array.from({ length: 200 }, (_, at) => 200 - at);
  assert.equal(quantile(values, 0.99), 198);
  assert.equal(quantile(values, 0.5), 100);
  assert.equal(quantile([7], 0.01), 7);
  assert.equal(quantile([1, Number.POSITIVE_INFINITY], 0.99), Number.POSITIVE_INFINITY);
});

test("the spread is that of the middle half, in medians: all of three values, and of nine no single one", () => {
  assert.equal(spread([0.9, 1, 1.2]).toFixed(3), "0.300");
  assert.equal(spread([5, 1, 1, 1, 1, 1, 1, 1, 0.1]), 0);
  assert.equal(spread([2, 2, 2, 1, 1, 1, 1, 1, 1]), 1);
});

test("ratios are taken round by round, so that a machine that slows down weighs on both sides", () => {
  assert.equal(pairedRatio([2, 4, 40], [1, 2, 20]), 2);
});

test("rounds that one side lacks count for nothing", () => {
  assert.equal(pairedRatio([3, 3, 900], [1, 1]), 3);
  assert.ok(Number.isNaN(pairedRatio([1], [])));
});

test("growth compares the last third with the first, and no single value", () => {
  assert.equal(growth([100, 100, 900, 0, 104, 106]), 5);
  assert.equal(growth([100, 100, 100, 100, 100, 100]), 0);
  assert.ok(Number.isNaN(growth([])));
});
