import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Histogram } from "../../../src/exposition/histogram.ts";
import type { HistogramSample, Labels, MetricFamily } from "../../../src/exposition/metric-family.ts";
import { renderProtobuf } from "../../../src/exposition/protobuf.ts";
import {
  bucketsOf,
  decodeFamilies,
  type DecodedExemplar,
  type DecodedFamily,
  type DecodedLabel,
  type DecodedMetric,
} from "../../support/protobuf-decoder.ts";

const text = fc.string({ unit: "binary", maxLength: 300 }).map((value) => value.toWellFormed());
const labels = fc.array(fc.tuple(text, text), { maxLength: 3 });
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const exemplar = fc.record(
  { labels, value: fc.double(), timestampMs: fc.integer({ min: 0, max: 4e12 }) },
  { noNullPrototype: true },
);
const bucket = fc.record(
  { upperBound: fc.double({ noNaN: true }), cumulativeCount: count, exemplar },
  { requiredKeys: ["upperBound", "cumulativeCount"], noNullPrototype: true },
);
const nativeBuckets = fc
  .uniqueArray(fc.record({ index: fc.integer({ min: -9000, max: 9000 }), count: fc.integer({ min: 1, max: 1e12 }) }), {
    selector: ({ index }) => index,
    maxLength: 30,
  })
  .map((buckets) => buckets.toSorted((one, other) => one.index - other.index));
const native = fc.record({
  schema: fc.integer({ min: -4, max: 8 }),
  zeroThreshold: fc.double({ min: 0, noNaN: true }),
  zeroCount: count,
  positive: nativeBuckets,
  negative: nativeBuckets,
});
const histogram = fc.record(
  { labels, count, sum: fc.double(), buckets: fc.array(bucket, { maxLength: 5 }), native },
  { requiredKeys: ["labels", "count", "sum", "buckets"] },
);
const family: fc.Arbitrary<MetricFamily> = fc.oneof(
  fc.record({
    name: text,
    help: text,
    type: fc.constantFrom("counter", "gauge", "unknown"),
    samples: fc.array(fc.record({ labels, value: fc.double() }), { maxLength: 3 }),
  }),
  fc.record({
    name: text,
    help: text,
    type: fc.constant("histogram"),
    samples: fc.array(histogram, { maxLength: 3 }),
  }),
);

const TYPES = { counter: 0, gauge: 1, unknown: 3, histogram: 4 };

function pairs(decoded: readonly DecodedLabel[] = []): Labels {
  return decoded.map(({ name, value }) => [name, value]);
}

function plain(decoded: DecodedExemplar): object {
  const { seconds, nanos } = decoded.timestamp;
  return { labels: pairs(decoded.label), value: decoded.value, timestampMs: seconds * 1000 + nanos / 1e6 };
}

function checkHistogram(decoded: DecodedMetric["histogram"], sample: HistogramSample): void {
  assert.ok(decoded);
  assert.equal(decoded.sampleCount, sample.count);
  assert.ok(Object.is(decoded.sampleSum, sample.sum));
  const told = sample.buckets.filter((one) => one.upperBound !== Infinity || one.exemplar !== undefined);
  assert.deepEqual(
    (decoded.bucket ?? []).map(({ exemplar: of, ...rest }) => ({ ...rest, ...(of && { exemplar: plain(of) }) })),
    told.map((one) => ({ ...one })),
  );
  assert.equal(decoded.schema, sample.native?.schema);
  assert.equal(decoded.zeroThreshold, sample.native?.zeroThreshold);
  assert.equal(decoded.zeroCount, sample.native?.zeroCount);
  const counts = (side: "positive" | "negative") =>
    new Map((sample.native?.[side] ?? []).map((one) => [one.index, one.count]));
  assert.deepEqual(bucketsOf(decoded.positiveSpan, decoded.positiveDelta), counts("positive"));
  assert.deepEqual(bucketsOf(decoded.negativeSpan, decoded.negativeDelta), counts("negative"));
}

function checkFamily(decoded: DecodedFamily, expected: MetricFamily): void {
  assert.deepEqual([decoded.name, decoded.help, decoded.type], [expected.name, expected.help, TYPES[expected.type]]);
  const metrics = decoded.metric ?? [];
  assert.equal(metrics.length, expected.samples.length);
  for (const [index, metric] of metrics.entries()) {
    const sample = expected.samples[index];
    assert.ok(sample);
    assert.deepEqual(pairs(metric.label), sample.labels);
    if ("buckets" in sample) checkHistogram(metric.histogram, sample);
    else {
      const { counter, gauge, untyped } = metric;
      const one = { counter, gauge, unknown: untyped, histogram: undefined }[expected.type];
      assert.ok(Object.is(one?.value, sample.value), `${one?.value} is not ${sample.value}`);
      assert.equal([counter, gauge, untyped, metric.histogram].filter((is) => is !== undefined).length, 1);
    }
  }
}

test("whatever families there are, a decoder that knows only the schema reads them back", () => {
  fc.assert(
    fc.property(fc.array(family, { maxLength: 5 }), (families) => {
      const decoded = decodeFamilies(renderProtobuf(families));
      assert.equal(decoded.length, families.length);
      for (const [index, one] of decoded.entries()) checkFamily(one, families[index] as MetricFamily);
    }),
  );
});

test("messages longer than the buffer grow it", () => {
  const samples = Array.from({ length: 3000 }, (_, index) => ({
    labels: [["label", `value ${index} `.repeat(20)]] as const,
    value: index,
  }));
  const families: MetricFamily[] = [{ name: "many", help: "ä".repeat(100_000), type: "gauge", samples }];
  const [decoded] = decodeFamilies(renderProtobuf(families));
  assert.ok(decoded);
  checkFamily(decoded, families[0] as MetricFamily);
});

test("gaps of one or two empty buckets are bridged, longer ones begin a span", () => {
  const one = new Histogram({ name: "h", help: "h", labels: [], buckets: [], native: { schema: 0 } });
  // Indices 0, 1, 4 (a gap of two), 8 (a gap of three).
  for (const value of [1, 2, 2, 16, 256]) one.observe({}, value);
  const [decoded] = decodeFamilies(renderProtobuf([one.collect()]));
  const found = decoded?.metric?.[0]?.histogram;
  assert.deepEqual(found?.positiveSpan, [
    { offset: 0, length: 5 },
    { offset: 3, length: 1 },
  ]);
  assert.deepEqual(found?.positiveDelta, [1, 1, -2, 0, 1, 0]);
});

test("a native histogram with nothing in it still says that it is one", () => {
  for (const zeroThreshold of [0, 1e-9]) {
    const one = new Histogram({ name: "h", help: "h", labels: [], buckets: [1], native: { zeroThreshold } });
    const [decoded] = decodeFamilies(renderProtobuf([one.collect()]));
    const found = decoded?.metric?.[0]?.histogram;
    assert.equal(found?.schema, 3);
    assert.deepEqual(found?.positiveSpan, zeroThreshold === 0 ? [{ offset: 0, length: 0 }] : undefined);
  }
});

test("exemplars of a native histogram are told oldest first, and with their fixed buckets too", () => {
  const one = new Histogram({ name: "h", help: "h", labels: [], buckets: [1, 10], native: {} });
  one.observe({}, 5, { labels: [["pull_id", "late"]], timestampMs: 2000.5 });
  one.observe({}, 20, { labels: [["pull_id", "middle"]], timestampMs: 1500 });
  one.observe({}, 0.5, { labels: [["pull_id", "early"]], timestampMs: 1000 });
  const [decoded] = decodeFamilies(renderProtobuf([one.collect()]));
  const found = decoded?.metric?.[0]?.histogram;
  assert.deepEqual(
    found?.exemplars?.map((exemplarOf) => plain(exemplarOf)),
    [
      { labels: [["pull_id", "early"]], value: 0.5, timestampMs: 1000 },
      { labels: [["pull_id", "middle"]], value: 20, timestampMs: 1500 },
      { labels: [["pull_id", "late"]], value: 5, timestampMs: 2000.5 },
    ],
  );
  assert.deepEqual(
    found?.bucket?.map(({ upperBound, exemplar: of }) => [upperBound, of?.label?.[0]?.value]),
    [
      [1, "early"],
      [10, "late"],
      [Infinity, "middle"],
    ],
  );
});
