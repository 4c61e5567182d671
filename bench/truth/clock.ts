/** Milliseconds since the Unix epoch, monotonic within this process; the scale of the proxy's own times. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
