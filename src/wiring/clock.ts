const { timeOrigin } = performance;

/** Milliseconds since the epoch that never step back. */
export function now(): number {
  return timeOrigin + performance.now();
}
