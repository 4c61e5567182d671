/** In the order in which they are printed. */
export type Labels = ReadonlyArray<readonly [name: string, value: string]>;

/** All series of one metric, as every format can tell them. */
export type MetricFamily = SimpleFamily | HistogramFamily;

interface FamilyHead {
  /** As the text format has it: a counter's name ends in `_total`. */
  readonly name: string;
  readonly help: string;
}

export interface SimpleFamily extends FamilyHead {
  readonly type: "counter" | "gauge" | "unknown";
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramFamily extends FamilyHead {
  readonly type: "histogram";
  readonly samples: readonly HistogramSample[];
}

export interface HistogramSample {
  readonly labels: Labels;
  readonly count: number;
  readonly sum: number;
  /** Ascending, the last one's bound +Infinity. */
  readonly buckets: readonly Bucket[];
  /** What the protobuf format has beside the buckets above. */
  readonly native?: NativeBuckets;
}

export interface Bucket {
  readonly upperBound: number;
  /** Observations not above the bound. */
  readonly cumulativeCount: number;
  /** One observation of this bucket and of none below it. */
  readonly exemplar?: Exemplar;
}

export interface Exemplar {
  readonly labels: Labels;
  readonly value: number;
  readonly timestampMs: number;
}

/** https://prometheus.io/docs/specs/native_histograms/#data-model */
export interface NativeBuckets {
  /** A bucket's bound is that of the one below it times 2^(2^-schema). */
  readonly schema: number;
  /** Observations of at most this absolute value are in the zero bucket. */
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  /** Populated buckets by ascending index; bucket i ends at 2^(i * 2^-schema), which belongs to it. */
  readonly positive: readonly NativeBucket[];
  /** The same, mirrored at zero. */
  readonly negative: readonly NativeBucket[];
}

export interface NativeBucket {
  readonly index: number;
  readonly count: number;
}
