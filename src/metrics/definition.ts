/** One metric as its users see it: what is exposed and what docs/metrics.md says come from the same lines. */
export interface Definition<Label extends string = string> {
  readonly type: "counter" | "gauge" | "histogram";
  readonly name: string;
  readonly help: string;
  readonly labels: readonly Label[];
  /** Upper bounds of a histogram, without +Inf. */
  readonly buckets?: readonly number[];
  /** A native histogram as well, for scrapers that ask for protobuf. */
  readonly native?: boolean;
}

type Options<Label extends string> = Pick<Definition, "name" | "help"> & { readonly labels?: readonly Label[] };

export function counter<const Label extends string = never>(options: Options<Label>): Definition<Label> {
  return { type: "counter", labels: [], ...options };
}

export function gauge<const Label extends string = never>(options: Options<Label>): Definition<Label> {
  return { type: "gauge", labels: [], ...options };
}

export function histogram<const Label extends string>(
  options: Options<Label> & { readonly buckets: readonly number[]; readonly native?: boolean },
): Definition<Label> {
  return { type: "histogram", labels: [], ...options };
}
