/** The middle value; of an even number the mean of the two. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  if (!Number.isInteger(middle)) return sorted[Math.floor(middle)] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** The value below or at which the share `q` of all lie: nearest rank. NaN for none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/**
 * How far apart the middle half lies (from the first quartile to the third), in medians: a single round that was
 * disturbed moves no median. Of three values it is all of them.
 */
export function spread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / median(values);
}

/**
 * The median of the ratios round by round: what was measured within seconds is compared, so that a machine that gets
 * busier during the run changes both sides. Rounds that one side lacks are left out.
 */
export function pairedRatio(values: readonly number[], references: readonly number[]): number {
  const rounds = Math.min(values.length, references.length);
  return median(Array.from({ length: rounds }, (_, round) => (values[round] ?? 0) / (references[round] ?? 0)));
}
