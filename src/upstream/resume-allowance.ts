/** 100 in five minutes: a pull of 50 layers whose connections all break once, with as much again to spare. */
const MAX_RESUMES = 100;
const PERIOD_MS = 5 * 60_000;

/** 10,000 pulls with trouble at the same time; the one that began longest ago is forgotten. */
const MAX_KEYS = 10_000;

/**
 * How much may be resumed for one pull. The data plane does not know pulls: a client's requests for one repository are
 * its nearest neighbour.
 */
export class ResumeAllowance {
  readonly #now: () => number;
  readonly #spent = new Map<string, { readonly sinceMs: number; resumes: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes one; false if there is none left. */
  take(key: string): boolean {
    const nowMs = this.#now();
    const known = this.#spent.get(key);
    if (known !== undefined && nowMs - known.sinceMs < PERIOD_MS) return ++known.resumes <= MAX_RESUMES;
    this.#spent.delete(key);
    this.#spent.set(key, { sinceMs: nowMs, resumes: 1 });
    const [oldest] = this.#spent.keys();
    if (this.#spent.size > MAX_KEYS && oldest !== undefined) this.#spent.delete(oldest);
    return true;
  }
}
