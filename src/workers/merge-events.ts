import type { Observer, TransferEvent } from "../pull/transfer-event.ts";

/** An event, and who is to see it when its turn has come. */
interface Waiting {
  readonly event: TransferEvent;
  readonly observe: Observer;
}

/**
 * Puts the events of several workers in the order in which they happened: each worker tells its own in order, but one may
 * tell later than another. Whoever asks about a pull must see its requests in their order, wherever they were served.
 */
export class EventMerger {
  #waiting: Waiting[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Takes what one worker tells; `observe` is called once for each event, in the order of all. */
  add(events: readonly TransferEvent[], observe: Observer): void {
    for (const event of events) this.#waiting.push({ event, observe });
  }

  /** Passes on what happened until then: each worker has told everything up to it. */
  pass(untilMs: number): void {
    // A stable sort: what happened at the same time stays in the order in which its worker told it.
    const ordered = this.#waiting.toSorted((one, other) => one.event.atMs - other.event.atMs);
    const firstLater = ordered.findIndex(({ event }) => event.atMs > untilMs);
    const end = firstLater === -1 ? ordered.length : firstLater;
    this.#waiting = ordered.slice(end);
    for (const { event, observe } of ordered.slice(0, end)) observe(event);
  }

  /** Passes on everything. */
  flush(): void {
    this.pass(Number.POSITIVE_INFINITY);
  }
}
