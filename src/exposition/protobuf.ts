import type {
  Bucket,
  Exemplar,
  HistogramSample,
  Labels,
  MetricFamily,
  NativeBucket,
  NativeBuckets,
} from "./metric-family.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

// Numbers of the fields in https://github.com/prometheus/client_model/blob/v0.6.1/io/prometheus/client/metrics.proto
const TYPE = { counter: 0, gauge: 1, unknown: 3, histogram: 4 } as const;
const FAMILY = { name: 1, help: 2, type: 3, metric: 4 } as const;
const METRIC = { label: 1, gauge: 2, counter: 3, unknown: 5, histogram: 7 } as const;
const LABEL = { name: 1, value: 2 } as const;
/** Of Counter, Gauge and Untyped. */
const VALUE = 1;
const BUCKET = { cumulativeCount: 1, upperBound: 2, exemplar: 3 } as const;
const EXEMPLAR = { label: 1, value: 2, timestamp: 3 } as const;
const TIMESTAMP = { seconds: 1, nanos: 2 } as const;
const SPAN = { offset: 1, length: 2 } as const;
const HISTOGRAM = {
  count: 1,
  sum: 2,
  bucket: 3,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  negativeSpan: 9,
  negativeDelta: 10,
  positiveSpan: 12,
  positiveDelta: 13,
  exemplar: 16,
} as const;

/** A stream of `io.prometheus.client.MetricFamily`, each with its length before it. */
export function renderProtobuf(families: readonly MetricFamily[]): Uint8Array {
  const writer = new ProtobufWriter();
  for (const family of families) writer.delimited(() => writeFamily(writer, family));
  return writer.written();
}

function writeFamily(writer: ProtobufWriter, family: MetricFamily): void {
  writer.string(FAMILY.name, family.name);
  writer.string(FAMILY.help, family.help);
  writer.unsigned(FAMILY.type, TYPE[family.type]);
  if (family.type === "histogram") {
    for (const sample of family.samples) writeHistogramMetric(writer, sample);
    return;
  }
  const { type, samples } = family;
  for (const { labels, value } of samples) {
    writer.message(FAMILY.metric, () => {
      writeLabels(writer, METRIC.label, labels);
      writer.message(METRIC[type], () => writer.double(VALUE, value));
    });
  }
}

function writeHistogramMetric(writer: ProtobufWriter, sample: HistogramSample): void {
  writer.message(FAMILY.metric, () => {
    writeLabels(writer, METRIC.label, sample.labels);
    writer.message(METRIC.histogram, () => {
      writer.unsigned(HISTOGRAM.count, sample.count);
      writer.double(HISTOGRAM.sum, sample.sum);
      for (const bucket of sample.buckets) writeBucket(writer, bucket);
      if (sample.native !== undefined) writeNative(writer, sample.native, sample.buckets);
    });
  });
}

/** The bucket of +Infinity is implied by the count, and told only for its exemplar. */
function writeBucket(writer: ProtobufWriter, { upperBound, cumulativeCount, exemplar }: Bucket): void {
  if (upperBound === Infinity && exemplar === undefined) return;
  writer.message(HISTOGRAM.bucket, () => {
    writer.unsigned(BUCKET.cumulativeCount, cumulativeCount);
    writer.double(BUCKET.upperBound, upperBound);
    if (exemplar !== undefined) writeExemplar(writer, BUCKET.exemplar, exemplar);
  });
}

function writeNative(writer: ProtobufWriter, native: NativeBuckets, buckets: readonly Bucket[]): void {
  writer.signed(HISTOGRAM.schema, native.schema);
  writer.double(HISTOGRAM.zeroThreshold, native.zeroThreshold);
  writer.unsigned(HISTOGRAM.zeroCount, native.zeroCount);
  writeSpans(writer, native.negative, { span: HISTOGRAM.negativeSpan, delta: HISTOGRAM.negativeDelta });
  writeSpans(writer, native.positive, { span: HISTOGRAM.positiveSpan, delta: HISTOGRAM.positiveDelta });
  if (isIndistinct(native)) writeSpan(writer, HISTOGRAM.positiveSpan, { offset: 0, length: 0 });
  // Oldest first: Prometheus drops what comes out of order.
  const exemplars = buckets.map(({ exemplar }) => exemplar).filter((exemplar) => exemplar !== undefined);
  for (const exemplar of exemplars.toSorted((one, other) => one.timestampMs - other.timestampMs)) {
    writeExemplar(writer, HISTOGRAM.exemplar, exemplar);
  }
}

/** With nothing in it and no zero threshold, only a span, be it empty, tells that the histogram is a native one. */
function isIndistinct({ zeroThreshold, zeroCount, positive, negative }: NativeBuckets): boolean {
  return zeroThreshold === 0 && zeroCount === 0 && positive.length === 0 && negative.length === 0;
}

interface Span {
  /** From the end of the span before; of the first: its index. */
  readonly offset: number;
  length: number;
}

/** 2 empty buckets in a row are cheaper than a span of their own (client_golang, makeBuckets). */
const MAX_GAP = 2;

function writeSpans(
  writer: ProtobufWriter,
  buckets: readonly NativeBucket[],
  field: { readonly span: number; readonly delta: number },
): void {
  const spans: Span[] = [];
  const counts: number[] = [];
  let next = 0;
  for (const { index, count } of buckets) {
    const gap = index - next;
    let span = spans.at(-1);
    if (span === undefined || gap > MAX_GAP) {
      span = { offset: gap, length: 0 };
      spans.push(span);
    } else {
      for (let empty = 0; empty < gap; empty++) counts.push(0);
      span.length += gap;
    }
    counts.push(count);
    span.length += 1;
    next = index + 1;
  }
  for (const span of spans) writeSpan(writer, field.span, span);
  let previous = 0;
  for (const count of counts) {
    writer.signed(field.delta, count - previous);
    previous = count;
  }
}

function writeSpan(writer: ProtobufWriter, field: number, { offset, length }: Span): void {
  writer.message(field, () => {
    writer.signed(SPAN.offset, offset);
    writer.unsigned(SPAN.length, length);
  });
}

function writeExemplar(writer: ProtobufWriter, field: number, { labels, value, timestampMs }: Exemplar): void {
  writer.message(field, () => {
    writeLabels(writer, EXEMPLAR.label, labels);
    writer.double(EXEMPLAR.value, value);
    writer.message(EXEMPLAR.timestamp, () => {
      const seconds = Math.floor(timestampMs / 1000);
      writer.unsigned(TIMESTAMP.seconds, seconds);
      writer.unsigned(TIMESTAMP.nanos, Math.round((timestampMs - seconds * 1000) * 1e6));
    });
  });
}

function writeLabels(writer: ProtobufWriter, field: number, labels: Labels): void {
  for (const [name, value] of labels) {
    writer.message(field, () => {
      writer.string(LABEL.name, name);
      writer.string(LABEL.value, value);
    });
  }
}
