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
    if (!Number.isFinite(atMs)) return Number.isFinite(this.#lastMs) ? this.#lastMs : 0;
    if (atMs + this.#offsetMs < this.#lastMs - this.#slackMs) this.#offsetMs = this.#lastMs - atMs;
    this.#lastMs = Math.max(this.#lastMs, atMs + this.#offsetMs);
    return this.#lastMs;
  }
}
