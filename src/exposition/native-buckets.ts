import type { NativeBucket, NativeBuckets } from "./metric-family.ts";

/** 3: a bucket is 9 % wide (2^(1/8)). What the observations need is decided by the limit on their number. */
export const HIGHEST_SCHEMA = 3;

/** 2^16 (65 536) is the width of a bucket at the lowest resolution that there is. */
const LOWEST_SCHEMA = -4;

export interface NativeOptions {
  /** Resolution to begin with, -4 to 3. Default: 3. */
  readonly schema?: number;
  /** Observations of at most this absolute value count as zero. Default: 2^-128, as client_golang has it. */
  readonly zeroThreshold?: number;
  /** Populated buckets; an observation that makes one more halves the resolution. Default: 160, which Prometheus's own metrics use. */
  readonly maxBuckets?: number;
}

/**
 * The exponential buckets of a native histogram. They count as client_golang 1.20 does, so that its histograms and
 * these merge: https://github.com/prometheus/client_golang/blob/v1.20.0/prometheus/histogram.go (observe,
 * doubleBucketWidth). Of its two further ways to keep below the limit, widening the zero bucket and resetting, it
 * takes neither by default, and this takes neither.
 */
export class NativeBucketCounts {
  #schema: number;
  readonly #zeroThreshold: number;
  readonly #maxBuckets: number;
  #zeroCount = 0;
  #positive = new Map<number, number>();
  #negative = new Map<number, number>();

  constructor({ schema = HIGHEST_SCHEMA, zeroThreshold = 2 ** -128, maxBuckets = 160 }: NativeOptions = {}) {
    this.#schema = schema;
    this.#zeroThreshold = zeroThreshold;
    this.#maxBuckets = maxBuckets;
  }

  /** NaN is in no bucket. */
  observe(value: number): void {
    if (Number.isNaN(value)) return;
    if (value > this.#zeroThreshold) add(this.#positive, bucketIndex(value, this.#schema), 1);
    else if (value < -this.#zeroThreshold) add(this.#negative, bucketIndex(-value, this.#schema), 1);
    else this.#zeroCount++;
    if (this.#populated() > this.#maxBuckets && this.#schema > LOWEST_SCHEMA) this.#halveResolution();
  }

  read(): NativeBuckets {
    return {
      schema: this.#schema,
      zeroThreshold: this.#zeroThreshold,
      zeroCount: this.#zeroCount,
      positive: ascending(this.#positive),
      negative: ascending(this.#negative),
    };
  }

  #populated(): number {
    return this.#positive.size + this.#negative.size;
  }

  #halveResolution(): void {
    this.#schema--;
    this.#positive = merged(this.#positive);
    this.#negative = merged(this.#negative);
  }
}

/** Bucket i of the lower resolution is made of 2i - 1 and 2i. */
function merged(buckets: ReadonlyMap<number, number>): Map<number, number> {
  const wider = new Map<number, number>();
  for (const [index, count] of buckets) add(wider, Math.ceil(index / 2), count);
  return wider;
}

function add(buckets: Map<number, number>, index: number, count: number): void {
  buckets.set(index, (buckets.get(index) ?? 0) + count);
}

function ascending(buckets: ReadonlyMap<number, number>): readonly NativeBucket[] {
  return [...buckets].map(([index, count]) => ({ index, count })).toSorted((one, other) => one.index - other.index);
}

/**
 * 2^(i/8 - 1), the bounds of schema 3 in [0.5, 1), to the digit as client_golang has them. Computed ones differ in the
 * last digit, and from one runtime to the next.
 */
const FRACTIONS = [
  0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048, 0.7071067811865475, 0.7711054127039704,
  0.8408964152537144, 0.9170040432046711,
];

/**
 * Index of the bucket of a positive value: the smallest i with value <= 2^(i * 2^-schema). +Infinity is in the bucket
 * after that of the greatest finite number.
 */
export function bucketIndex(value: number, schema: number): number {
  if (value === Infinity) return bucketIndex(Number.MAX_VALUE, schema) + 1;
  const { fraction, exponent } = splitNumber(value);
  if (schema > 0) {
    const perOctave = 2 ** schema;
    const step = FRACTIONS.length / perOctave;
    let place = 0;
    while (place < perOctave && (FRACTIONS[place * step] ?? 1) < fraction) place++;
    return place + (exponent - 1) * perOctave;
  }
  const octave = fraction === 0.5 ? exponent - 1 : exponent;
  // + 0: rounding up can give -0.
  return Math.ceil(octave / 2 ** -schema) + 0;
}

/** Where bucket `index` ends; the value itself belongs to it. */
export function bucketUpperBound(index: number, schema: number): number {
  if (schema <= 0) return powerOfTwo(index * 2 ** -schema);
  const perOctave = 2 ** schema;
  const octave = Math.floor(index / perOctave);
  const fraction = FRACTIONS[(index - octave * perOctave) * (FRACTIONS.length / perOctave)] ?? 0.5;
  return fraction === 0.5 ? powerOfTwo(octave) : fraction * powerOfTwo(octave + 1);
}

/** The greatest number instead of 2^1024, which no double can be: the last finite bucket ends there. */
function powerOfTwo(exponent: number): number {
  return exponent === 1024 ? Number.MAX_VALUE : 2 ** exponent;
}

const view = new DataView(new ArrayBuffer(8));

/** The C function `frexp`: value = fraction * 2^exponent, 0.5 <= fraction < 1. For positive finite values. */
function splitNumber(value: number): { readonly fraction: number; readonly exponent: number } {
  // A subnormal number (below 2^-1022) has fewer digits and no exponent of its own until it is scaled.
  if (value < 2 ** -1022) {
    const { fraction, exponent } = splitNumber(value * 2 ** 54);
    return { fraction, exponent: exponent - 54 };
  }
  view.setFloat64(0, value);
  const head = view.getUint16(0);
  // IEEE 754 binary64: 1 sign bit, 11 exponent bits biased by 1023. Fractions from 0.5 up have 1022 there.
  view.setUint16(0, (head & 0x800f) | (1022 << 4));
  return { fraction: view.getFloat64(0), exponent: ((head >> 4) & 0x7ff) - 1022 };
}
