/** The candidate that `text` most likely stands for. Undefined if none is near. */
export function suggest(text: string, candidates: readonly string[]): string | undefined {
  const nearest = candidates
    .map((candidate) => ({ candidate, distance: editDistance(text.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  return nearest !== undefined && nearest.distance <= tolerance(nearest.candidate) ? nearest.candidate : undefined;
}

/** Two mistakes in five letters are a slip of the hand; two in three are another word. */
function tolerance(candidate: string): number {
  return Math.max(1, Math.floor(candidate.length * 0.4));
}

/** 64 characters: no setting's name is longer, and the table below is quadratic. */
const MAX_LENGTH = 64;

/** Levenshtein distance: single characters inserted, removed or replaced. */
function editDistance(a: string, b: string): number {
  if (a.length > MAX_LENGTH) return Number.POSITIVE_INFINITY;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 0; row < a.length; row += 1) {
    const current = [row + 1];
    for (let column = 0; column < b.length; column += 1) {
      const replaced = (previous[column] ?? 0) + (a[row] === b[column] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
