import type { Observer, TransferEvent } from "../pull/transfer-event.ts";

/** 5 ms: a busy worker has twenty events to tell in this time, and nobody notices that they are late by it. */
const BATCH_MS = 5;

/** Collects what a worker has to tell, because each message costs more than the events in it. */
export class Outbox {
  readonly #send: (events: readonly TransferEvent[]) => void;
  #events: TransferEvent[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (events: readonly TransferEvent[]) => void) {
    this.#send = send;
  }

  readonly observe: Observer = (event) => {
    this.#events.push(event);
    this.#timer ??= setTimeout(() => this.flush(), BATCH_MS);
  };

  /** Sends what has not been sent. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#events;
    this.#events = [];
    if (events.length > 0) this.#send(events);
  }
}
