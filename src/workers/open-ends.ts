import type { CircuitChanged, TransferEvent } from "../pull/transfer-event.ts";

/** What one worker has begun to tell, so that it can be ended when the worker dies in the middle of it. */
export class OpenEnds {
  readonly #connections = new Set<number>();
  readonly #transfers = new Set<number>();
  readonly #circuits = new Map<string, CircuitChanged>();

  /** Requests that are being handled. */
  get transfers(): number {
    return this.#transfers.size;
  }

  /** Follows what the worker tells. */
  follow(event: TransferEvent): void {
    if (event.type === "connection-opened") this.#connections.add(event.connection);
    if (event.type === "connection-closed") this.#connections.delete(event.connection);
    if (event.type === "started") this.#transfers.add(event.transfer);
    if (event.type === "finished" || event.type === "failed") this.#transfers.delete(event.transfer);
    if (event.type === "circuit-changed") this.#followCircuit(event);
  }

  /** The events that the worker owes: its clients' connections ended with it, and what it knew of upstreams is lost. */
  end(atMs: number): TransferEvent[] {
    const failed = [...this.#transfers].map((transfer): TransferEvent => ({
      type: "failed",
      atMs,
      transfer,
      bytes: 0,
      failure: "proxy",
    }));
    const closed = [...this.#connections].map((connection): TransferEvent => ({
      type: "connection-closed",
      atMs,
      connection,
    }));
    const forgotten = [...this.#circuits.values()].map((circuit): TransferEvent => ({
      ...circuit,
      atMs,
      state: "closed",
    }));
    this.#transfers.clear();
    this.#connections.clear();
    this.#circuits.clear();
    return [...failed, ...closed, ...forgotten];
  }

  #followCircuit(event: CircuitChanged): void {
    const key = `${event.registry} ${event.host}`;
    if (event.state === "closed") this.#circuits.delete(key);
    else this.#circuits.set(key, event);
  }
}
