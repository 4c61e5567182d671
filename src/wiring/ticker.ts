export interface TickerOptions {
  readonly everyMs: number;
  readonly tick: () => void;
  /** Nothing will come about by waiting. */
  readonly isAtRest: () => boolean;
}

/** Ticks while there is something to wait for: to a process that has nothing to do, waking up is all that it costs. */
export class Ticker {
  readonly #options: TickerOptions;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: TickerOptions) {
    this.#options = options;
  }

  /** Something happened. */
  wake(): void {
    if (this.#isStopped) return;
    this.#timer ??= setInterval(() => this.#tick(), this.#options.everyMs).unref();
  }

  /** Ticks no more. */
  stop(): void {
    this.#isStopped = true;
    this.#rest();
  }

  #tick(): void {
    this.#options.tick();
    if (this.#options.isAtRest()) this.#rest();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
