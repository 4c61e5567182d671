/** How many delays are remembered: a burst of processes on a busy machine. */
const REMEMBERED = 8;
/** The next delay is seldom longer than this many times the longest of the last ones. */
const FACTOR = 3;
/** And mostly not longer than this many times: anything from 1.6 to 2.5 tells the same apart in all recordings. */
const USUAL_FACTOR = 2;

/**
 * How fast a client's processes go on lately. On an idle machine the next request follows within milliseconds, on a busy
 * one within a second: a fixed limit would be wrong on one of them.
 */
export class Pace {
  readonly #delaysMs: number[] = [];

  note(delayMs: number): void {
    this.#delaysMs.push(delayMs);
    if (this.#delaysMs.length > REMEMBERED) this.#delaysMs.shift();
  }

  /** The longest delay after which a request can still be expected, within bounds. */
  windowMs(atLeastMs: number, atMostMs: number): number {
    return Math.min(atMostMs, Math.max(atLeastMs, FACTOR * this.#longestMs));
  }

  /** The longest delay after which a request is rather to be expected than not. */
  usualMs(atLeastMs: number): number {
    return Math.max(atLeastMs, USUAL_FACTOR * this.#longestMs);
  }

  get #longestMs(): number {
    return Math.max(0, ...this.#delaysMs);
  }
}
