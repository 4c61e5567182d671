/** Milliseconds since the epoch that never step back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
