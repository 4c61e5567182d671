/** 300 ms: a worker that says nothing for so long does not say it in time. */
const PATIENCE_MS = 300;

/** Asks everybody the same, once for all who want to know it meanwhile. */
export class Rounds {
  readonly #ask: () => readonly Promise<void>[];
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** `ask` asks all, and gives what resolves when each has answered. */
  constructor(ask: () => readonly Promise<void>[]) {
    this.#ask = ask;
  }

  /** Resolves after a round that began after the call. */
  next(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      this.#running = this.#round();
      return this.#running;
    });
    return this.#next;
  }

  async #round(): Promise<void> {
    const { promise: isLate, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PATIENCE_MS);
    await Promise.race([Promise.all(this.#ask()), isLate]);
    clearTimeout(timer);
  }
}
