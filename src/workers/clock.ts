/**
 * A clock of this process that shows what the primary's shows. Each process takes the time of day once, when it begins,
 * and goes on by the machine's monotonic clock: the time of day may be set meanwhile, and a worker that was started anew
 * would tell other times than the rest. `originMs`: the primary's time when the monotonic clock was 0. `monotonicMs`: the
 * monotonic clock now.
 */
export function clockFrom(originMs: number, monotonicMs: number): () => number {
  const startMs = originMs + monotonicMs - performance.now();
  return () => startMs + performance.now();
}
