import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { bucketIndex, bucketUpperBound, NativeBucketCounts } from "../../../src/exposition/native-buckets.ts";

const positive = fc.double({ min: Number.MIN_VALUE, noNaN: true, noDefaultInfinity: true });
const schema = fc.integer({ min: -4, max: 3 });

/** 2^(2^schema) raised to integers decides exactly: value <= 2^(index / 2^schema)  <=>  value^(2^schema) <= 2^index. */
function isAtMostBound(value: number, index: number, resolution: number): boolean {
  const { significand, exponent } = exactly(value);
  if (resolution <= 0) return compareWithPower(significand, exponent, BigInt(index) << BigInt(-resolution)) <= 0;
  const power = 2n ** BigInt(resolution);
  return compareWithPower(significand ** power, exponent * power, BigInt(index)) <= 0;
}

/** value = significand * 2^exponent, as integers. */
function exactly(value: number): { significand: bigint; exponent: bigint } {
  const bits = new BigUint64Array(new Float64Array([value]).buffer)[0] ?? 0n;
  const field = (bits >> 52n) & 0x7ffn;
  const fraction = bits & ((1n << 52n) - 1n);
  return field === 0n
    ? { significand: fraction, exponent: -1074n }
    : { significand: fraction | (1n << 52n), exponent: field - 1075n };
}

/** Sign of significand * 2^exponent - 2^power. */
function compareWithPower(significand: bigint, exponent: bigint, power: bigint): number {
  const shift = exponent - power;
  const [left, right] = shift >= 0n ? [significand << shift, 1n] : [significand, 1n << -shift];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A bound that is no power of two is a rounded number: a value within two units of it may fall on either side. */
function nextToBound(value: number, resolution: number): boolean {
  if (resolution <= 0) return false;
  const index = bucketIndex(value, resolution);
  return [index - 1, index].some((near) => Math.abs(value / bucketUpperBound(near, resolution) - 1) < 2 ** -51);
}

test("a value is in the bucket of the smallest bound that is not below it, by exact arithmetic", () => {
  fc.assert(
    fc.property(positive, schema, (value, resolution) => {
      const index = bucketIndex(value, resolution);
      if (nextToBound(value, resolution)) return;
      assert.ok(isAtMostBound(value, index, resolution), `${value} is above bucket ${index} of ${resolution}`);
      assert.ok(!isAtMostBound(value, index - 1, resolution), `${value} is in bucket ${index - 1} of ${resolution}`);
    }),
    { numRuns: 5000 },
  );
});

test("each bound belongs to the bucket that it ends, and the next number to the next bucket", () => {
  for (let resolution = -4; resolution <= 3; resolution++) {
    const perOctave = 2 ** resolution;
    for (let index = Math.ceil(-1000 * perOctave); index < 1000 * perOctave; index++) {
      const bound = bucketUpperBound(index, resolution);
      assert.equal(bucketIndex(bound, resolution), index, `bound ${bound}`);
      assert.equal(bucketIndex(bound * (1 + Number.EPSILON), resolution), index + 1, `after ${bound}`);
    }
  }
});

test("the ends of the number line have buckets", () => {
  assert.equal(bucketIndex(Number.MIN_VALUE, 0), -1074);
  assert.equal(bucketIndex(Number.MAX_VALUE, 0), 1024);
  assert.equal(bucketIndex(Infinity, 0), 1025);
  assert.equal(bucketIndex(Number.MAX_VALUE, 3), 8192);
  assert.equal(bucketIndex(Infinity, 3), 8193);
  assert.equal(bucketIndex(Number.MAX_VALUE, -4), 64);
  assert.equal(bucketUpperBound(8192, 3), Number.MAX_VALUE);
  assert.equal(bucketUpperBound(64, -4), Number.MAX_VALUE);
});

test("bounds are those of client_golang, to the last digit", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8].map((index) => bucketUpperBound(index, 3)),
    [
      1, 1.0905077326652577, 1.189207115002721, 1.2968395546510096, 1.414213562373095, 1.5422108254079407,
      1.6817928305074288, 1.8340080864093422, 2,
    ],
  );
});

test("zero, small, negative and infinite values are counted where they belong; NaN nowhere", () => {
  const counts = new NativeBucketCounts({ schema: 0, zeroThreshold: 0.25 });
  for (const value of [0, -0, 0.25, -0.25, 0.3, 1, 1.5, 2, -3, Infinity, -Infinity, Number.NaN]) counts.observe(value);
  assert.deepEqual(counts.read(), {
    schema: 0,
    zeroThreshold: 0.25,
    zeroCount: 4,
    positive: [
      { index: -1, count: 1 },
      { index: 0, count: 1 },
      { index: 1, count: 2 },
      { index: 1025, count: 1 },
    ],
    negative: [
      { index: 2, count: 1 },
      { index: 1025, count: 1 },
    ],
  });
});

test("one bucket too many halves the resolution", () => {
  const counts = new NativeBucketCounts({ schema: 1, maxBuckets: 4 });
  // Schema 1: bounds 1, 1.41, 2, 2.83, 4.
  for (const value of [1, 1.2, 1.9, 2.5]) counts.observe(value);
  assert.deepEqual(
    counts.read().positive.map(({ index }) => index),
    [0, 1, 2, 3],
  );
  counts.observe(3.9);
  const { schema: reduced, positive: buckets } = counts.read();
  assert.equal(reduced, 0);
  assert.deepEqual(buckets, [
    { index: 0, count: 1 },
    { index: 1, count: 2 },
    { index: 2, count: 2 },
  ]);
});

test("whatever was observed in whatever order, each value is in its bucket of the schema that was reached", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      (values, maxBuckets) => {
        const counts = new NativeBucketCounts({ maxBuckets });
        for (const value of values) counts.observe(value);
        const { schema: reached, zeroThreshold, zeroCount, positive: above, negative: below } = counts.read();
        const expected = new Map<string, number>();
        let zeros = 0;
        for (const value of values) {
          if (Math.abs(value) <= zeroThreshold) zeros++;
          else {
            const key = `${Math.sign(value)} ${bucketIndex(Math.abs(value), reached)}`;
            expected.set(key, (expected.get(key) ?? 0) + 1);
          }
        }
        const found = new Map<string, number>([
          ...above.map(({ index, count }) => [`1 ${index}`, count] as const),
          ...below.map(({ index, count }) => [`-1 ${index}`, count] as const),
        ]);
        assert.deepEqual(found, expected);
        assert.equal(zeroCount, zeros);
      },
    ),
  );
});
