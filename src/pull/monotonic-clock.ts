/** The range of times that a clock can show. */
// https://tc39.es/ecma262/2025/#sec-time-values-and-time-range
const MAX_TIME_MS = 8.64e15;

/** Time that never goes back, read from the times of events that may. */
export class MonotonicClock {
  readonly #slackMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;
  #offsetMs = 0;

  constructor(slackMs: number) {
    this.#slackMs = slackMs;
  }

  /** The time as last read. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** A time a little before the last one is taken for the last one; one far before it means the clock was set back. */
  read(atMs: number): number {
    if (!(Math.abs(atMs) <= MAX_TIME_MS)) {
      if (this.#lastMs === Number.NEGATIVE_INFINITY) this.#lastMs = 0;
      return this.#lastMs;
    }
    if (atMs + this.#offsetMs < this.#lastMs - this.#slackMs) this.#offsetMs = this.#lastMs - atMs;
    this.#lastMs = Math.max(this.#lastMs, atMs + this.#offsetMs);
    return this.#lastMs;
  }
}
