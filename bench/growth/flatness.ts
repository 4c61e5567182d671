import type { Point } from "./measure.ts";

export interface FlatMeasure {
  readonly measure: string;
  /** Sizes below it are not looked at. Default: all are. */
  readonly from?: number;
  /** How much more it may be at the largest size than at the least. */
  readonly most: number;
}

/**
 * What counts as flat. One pull is in the processor's first cache, ten thousand are in none, and every look-up waits for
 * memory: that makes of 1 µs five, of 7 µs twenty. What looks at all of them grows a thousandfold.
 */
export const MEASURES: readonly FlatMeasure[] = [
  { measure: "requestUs", most: 10 },
  { measure: "pullUs", most: 3 },
  { measure: "tokenRefusalUs", most: 10 },
  // 40 registries have series of their own: from there on it must be flat.
  { measure: "scrapeMs", most: 3, from: 100 },
  { measure: "heapMb", most: 2 },
];

/** The last cost over the first: from the least size that is looked at to the largest. */
export function flatness(points: readonly Point[], measure: string): number {
  const from = MEASURES.find((each) => each.measure === measure)?.from ?? 0;
  const first = points.find(({ size }) => size >= from);
  return (points.at(-1)?.costs[measure] ?? Number.NaN) / (first?.costs[measure] ?? Number.NaN);
}

/** True as well for what was not measured. */
export function isFlat(points: readonly Point[], measure: string): boolean {
  const most = MEASURES.find((each) => each.measure === measure)?.most ?? Infinity;
  return !(flatness(points, measure) > most);
}
