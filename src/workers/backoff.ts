/** 100 ms: a worker that died once is there again before most clients have tried a second time. */
const FIRST_MS = 100;

/** 10 s: one that dies at once each time shall not take the machine's time from the others. */
const MOST_MS = 10_000;

/** 60 s: what died after it did not die of its start. */
const LONG_LIFE_MS = 60_000;

/** How long to wait before a worker that died is started anew: twice as long each time that it dies soon. */
export class Backoff {
  #nextMs = FIRST_MS;

  /** `livedMs`: how long it served. */
  afterDeath(livedMs: number): number {
    if (livedMs >= LONG_LIFE_MS) this.#nextMs = FIRST_MS;
    const waitMs = this.#nextMs;
    this.#nextMs = Math.min(waitMs * 2, MOST_MS);
    return waitMs;
  }
}
