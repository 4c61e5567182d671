/** Gaps of one blob at most: parallel ranges leave one each, at most 30 seen. Beyond, the last piece is forgotten. */
const MAX_INTERVALS = 1_000;

/** Which bytes of a blob arrived: disjoint half-open intervals in ascending order. */
export class Coverage {
  #intervals: { start: number; end: number }[] = [];

  /** Adds [start, end). */
  add(start: number, end: number): void {
    if (!(end > start)) return;
    let merged = { start, end };
    const kept: { start: number; end: number }[] = [];
    for (const interval of this.#intervals) {
      if (interval.end < merged.start || interval.start > merged.end) kept.push(interval);
      else merged = { start: Math.min(interval.start, merged.start), end: Math.max(interval.end, merged.end) };
    }
    kept.push(merged);
    this.#intervals = kept.toSorted((left, right) => left.start - right.start).slice(0, MAX_INTERVALS);
  }

  /** The bytes from the first on that arrived without a gap. */
  prefix(): number {
    const [first] = this.#intervals;
    return first?.start === 0 ? first.end : 0;
  }

  /** True if every byte of [0, size) arrived. */
  covers(size: number): boolean {
    const [first] = this.#intervals;
    return size === 0 || (first !== undefined && first.start === 0 && first.end >= size);
  }
}
