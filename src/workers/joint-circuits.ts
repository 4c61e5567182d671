import type { CircuitChanged } from "../pull/transfer-event.ts";

/**
 * Each worker finds out by itself that a host is unreachable. Together they have one circuit for it, which is closed only
 * when it is closed in all of them.
 */
export class JointCircuits {
  /** Workers by circuit; as many entries as there are circuits that are not closed. */
  readonly #notClosed = new Map<string, Set<number>>();

  /** What the change in one worker changes for whoever watches; undefined: nothing. */
  join(worker: number, event: CircuitChanged): CircuitChanged | undefined {
    const key = `${event.registry} ${event.host}`;
    const workers = this.#notClosed.get(key) ?? new Set();
    if (event.state !== "closed") {
      this.#notClosed.set(key, workers.add(worker));
      return event;
    }
    if (!workers.delete(worker) || workers.size > 0) return undefined;
    this.#notClosed.delete(key);
    return event;
  }
}
