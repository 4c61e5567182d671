import { LabelMap } from "./label-map.ts";
import type { Bucket, Exemplar, HistogramFamily, HistogramSample, Labels } from "./metric-family.ts";
import { NativeBucketCounts, type NativeOptions } from "./native-buckets.ts";

export interface HistogramOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly Label[];
  /** Upper bounds in ascending order, without +Infinity. */
  readonly buckets: readonly number[];
  /** Exponential buckets as well, for scrapers that ask for protobuf. Default: none. */
  readonly native?: NativeOptions;
  /** Exemplars that are kept, over all series; a further one takes the place of the oldest. Default: 256. */
  readonly maxExemplars?: number;
}

/** 256 exemplars, 30 KiB of a scrape: the last one of each bucket of a dozen series. */
const MAX_EXEMPLARS = 256;

/** One metric: fixed buckets and exponential ones over the same observations, and an exemplar for each fixed bucket. */
export class Histogram<Label extends string> {
  readonly #options: HistogramOptions<Label>;
  readonly #series: LabelMap<Label, Series>;
  /** The buckets that have an exemplar, the one that got its first at the front. */
  readonly #withExemplar = new Set<CountedBucket>();

  constructor(options: HistogramOptions<Label>) {
    this.#options = options;
    const { labels: names, buckets, native } = options;
    this.#series = new LabelMap(names, (labels) => {
      return new Series(labels, buckets, native === undefined ? undefined : new NativeBucketCounts(native));
    });
  }

  observe(labels: Readonly<Record<Label, string>>, value: number, exemplar?: Omit<Exemplar, "value">): void {
    const bucket = this.#series.at(labels).observe(value);
    if (exemplar !== undefined) this.#keepExemplar(bucket, { ...exemplar, value });
  }

  collect(): HistogramFamily {
    const { name, help } = this.#options;
    return { name, help, type: "histogram", samples: this.#series.values().map((series) => series.read()) };
  }

  #keepExemplar(bucket: CountedBucket, exemplar: Exemplar): void {
    bucket.exemplar = exemplar;
    this.#withExemplar.delete(bucket);
    this.#withExemplar.add(bucket);
    const [oldest] = this.#withExemplar;
    if (oldest === undefined || this.#withExemplar.size <= (this.#options.maxExemplars ?? MAX_EXEMPLARS)) return;
    oldest.exemplar = undefined;
    this.#withExemplar.delete(oldest);
  }
}

interface CountedBucket {
  readonly upperBound: number;
  /** Of this bucket alone. */
  count: number;
  exemplar: Exemplar | undefined;
}

class Series {
  readonly #labels: Labels;
  readonly #buckets: readonly CountedBucket[];
  /** +Infinity, and NaN. */
  readonly #rest: CountedBucket = { upperBound: Infinity, count: 0, exemplar: undefined };
  readonly #native: NativeBucketCounts | undefined;
  #sum = 0;

  constructor(labels: Labels, bounds: readonly number[], native: NativeBucketCounts | undefined) {
    this.#labels = labels;
    this.#buckets = bounds.map((upperBound) => ({ upperBound, count: 0, exemplar: undefined }));
    this.#native = native;
  }

  /** Returns the bucket that counted the value. */
  observe(value: number): CountedBucket {
    const bucket = this.#buckets.find(({ upperBound }) => value <= upperBound) ?? this.#rest;
    bucket.count++;
    this.#sum += value;
    this.#native?.observe(value);
    return bucket;
  }

  read(): HistogramSample {
    let count = 0;
    const buckets = [...this.#buckets, this.#rest].map((bucket): Bucket => {
      count += bucket.count;
      const { upperBound, exemplar } = bucket;
      return { upperBound, cumulativeCount: count, ...(exemplar !== undefined && { exemplar }) };
    });
    const native = this.#native?.read();
    return { labels: this.#labels, count, sum: this.#sum, buckets, ...(native !== undefined && { native }) };
  }
}
