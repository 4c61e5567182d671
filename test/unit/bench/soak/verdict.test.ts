import assert from "node:assert/strict";
import { test } from "node:test";
import { slopeOf } from "../../../../bench/soak/regression.ts";
import type { Sample } from "../../../../bench/soak/sample.ts";
import { growing, growthOf, type Soaked } from "../../../../bench/soak/verdict.ts";

const MEBIBYTE = 2 ** 20;

const REST: Sample = {
  atS: 0,
  heapBytes: 25 * MEBIBYTE,
  externalBytes: 11 * MEBIBYTE,
  residentBytes: 180 * MEBIBYTE,
  descriptors: 25,
  resources: 3,
  livePulls: 0,
  clientConnections: 0,
  observed: 100,
};

/** Twenty samples, one every 5 s, whose memory moves around a line. */
function soaked(heapPerSample: number, residentPerSample: number, after: Partial<Sample> = {}): Soaked {
  const during = Array.from({ length: 20 }, (_, i) => ({
    ...REST,
    atS: 5 * i,
    heapBytes: REST.heapBytes + i * heapPerSample + (i % 2) * MEBIBYTE,
    residentBytes: REST.residentBytes + i * residentPerSample,
    livePulls: 20,
  }));
  return { before: REST, during, after: { ...REST, ...after } };
}

test("the slope is that of the line with the least squares", () => {
  const line = [0, 1, 2, 3].map((x) => ({ x, y: 3 * x + 5 + (x % 2 === 0 ? 0.1 : -0.1) }));
  assert.ok(Math.abs(slopeOf(line) - 3) < 0.1);
  assert.equal(slopeOf([]), 0);
  assert.equal(slopeOf([{ x: 1, y: 7 }]), 0);
});

test("growth is told per hour and over the load", () => {
  const { perHour, grown } = growthOf(soaked(0, MEBIBYTE).during, "residentBytes");
  assert.ok(Math.abs(perHour / MEBIBYTE - 720) < 1e-6);
  assert.ok(Math.abs(grown / MEBIBYTE - 19) < 1e-6);
});

test("memory that moves and comes back does not grow", () => {
  assert.deepEqual(growing(soaked(0, MEBIBYTE)), []);
});

test("a heap that rises under load grows, and so does one that stays high at rest", () => {
  assert.equal(growing(soaked(MEBIBYTE, 0)).length, 1);
  assert.equal(growing(soaked(0, 0, { heapBytes: 34 * MEBIBYTE })).length, 1);
});

test("resident memory may rise in the first half of the load, not for ever", () => {
  const first = soaked(0, 0);
  const during = first.during.map((sample, i) => ({
    ...sample,
    residentBytes: (180 + 100 * Math.min(1, i / 10)) * MEBIBYTE,
  }));
  assert.deepEqual(growing({ ...first, during }), []);
  assert.equal(growing(soaked(0, 10 * MEBIBYTE)).length, 1);
  assert.equal(growing(soaked(0, 0, { residentBytes: 500 * MEBIBYTE })).length, 1);
});

test("whatever is left at rest is told", () => {
  for (const left of [{ descriptors: 40 }, { resources: 30 }, { livePulls: 1 }, { clientConnections: 1 }])
    assert.equal(growing(soaked(0, 0, left)).length, 1, JSON.stringify(left));
});
