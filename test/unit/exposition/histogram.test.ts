import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Histogram } from "../../../src/exposition/histogram.ts";

const OPTIONS = { name: "h", help: "H.", labels: ["a", "b"], buckets: [1, 10] } as const;

test("an observation is in the first bucket whose bound is not below it, and in all above", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -20, max: 20, noNaN: true })), (values) => {
      const histogram = new Histogram(OPTIONS);
      for (const value of values) histogram.observe({ a: "x", b: "y" }, value);
      const [sample] = histogram.collect().samples;
      assert.equal(sample?.count ?? 0, values.length);
      for (const { upperBound, cumulativeCount } of sample?.buckets ?? []) {
        assert.equal(cumulativeCount, values.filter((value) => value <= upperBound).length);
      }
    }),
  );
});

test("series differ by every label, and keep the order in which they came", () => {
  const histogram = new Histogram(OPTIONS);
  histogram.observe({ a: "1", b: "23" }, 1);
  histogram.observe({ b: "3", a: "12" }, 1);
  histogram.observe({ a: "1", b: "23" }, 1);
  assert.deepEqual(
    histogram.collect().samples.map(({ labels, count }) => [labels, count]),
    [
      [
        [
          ["a", "1"],
          ["b", "23"],
        ],
        2,
      ],
      [
        [
          ["a", "12"],
          ["b", "3"],
        ],
        1,
      ],
    ],
  );
});

test("a histogram without labels is there before its first observation", () => {
  const [sample] = new Histogram({ ...OPTIONS, labels: [] }).collect().samples;
  assert.deepEqual([sample?.count, sample?.sum, sample?.buckets.length], [0, 0, 3]);
});

test("a bucket shows its last exemplar, and the oldest of all goes when there are too many", () => {
  const histogram = new Histogram({ ...OPTIONS, maxExemplars: 2 });
  const observe = (a: string, value: number, id: string) =>
    histogram.observe({ a, b: "" }, value, { labels: [["id", id]], timestampMs: 0 });
  const ids = () =>
    histogram.collect().samples.map(({ buckets }) => buckets.map(({ exemplar }) => exemplar?.labels[0]?.[1]));
  observe("x", 0.5, "first");
  observe("x", 5, "second");
  observe("x", 0.7, "third");
  assert.deepEqual(ids(), [["third", "second", undefined]]);
  observe("y", 50, "fourth");
  assert.deepEqual(ids(), [
    ["third", undefined, undefined],
    [undefined, undefined, "fourth"],
  ]);
});

test("NaN is counted beyond every bound", () => {
  const histogram = new Histogram({ ...OPTIONS, labels: [], native: {} });
  histogram.observe({}, Number.NaN);
  const [sample] = histogram.collect().samples;
  assert.deepEqual(
    sample?.buckets.map(({ cumulativeCount }) => cumulativeCount),
    [0, 0, 1],
  );
  assert.deepEqual(sample?.native?.positive, []);
});
