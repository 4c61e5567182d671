import type { TransferEvent } from "../pull/transfer-event.ts";

/** The numbers that were given last, over all workers. */
export interface LastNumbers {
  connection: number;
  transfer: number;
}

/**
 * Numbers the connections and transfers of one worker anew, in the order in which its events are observed: each worker
 * counts from 1, and to whoever watches a transfer with a higher number began later.
 */
export class Numbering {
  readonly #last: LastNumbers;
  readonly #connections = new Map<number, number>();
  readonly #transfers = new Map<number, number>();

  constructor(last: LastNumbers) {
    this.#last = last;
  }

  renumber(event: TransferEvent): TransferEvent {
    switch (event.type) {
      case "connection-opened":
        return { ...event, connection: this.#open(event.connection) };
      case "connection-closed": {
        const connection = this.#connection(event.connection);
        this.#connections.delete(event.connection);
        return { ...event, connection };
      }
      case "started":
        return { ...event, transfer: this.#begin(event.transfer), connection: this.#connection(event.connection) };
      case "token-answered":
        return { ...event, transfer: this.#transfer(event.transfer), connection: this.#connection(event.connection) };
      case "responded":
      case "upstream-exchanged":
      case "upstream-repeated":
        return { ...event, transfer: this.#transfer(event.transfer) };
      case "finished":
      case "failed": {
        const transfer = this.#transfer(event.transfer);
        this.#transfers.delete(event.transfer);
        return { ...event, transfer };
      }
      case "circuit-changed":
      case "refused":
        return event;
    }
  }

  #open(connection: number): number {
    this.#last.connection += 1;
    this.#connections.set(connection, this.#last.connection);
    return this.#last.connection;
  }

  #begin(transfer: number): number {
    this.#last.transfer += 1;
    this.#transfers.set(transfer, this.#last.transfer);
    return this.#last.transfer;
  }

  #connection(connection: number): number {
    return this.#connections.get(connection) ?? this.#open(connection);
  }

  /** One that is not open, as an exchange that is told after its transfer ended, gets a number that nobody else has. */
  #transfer(transfer: number): number {
    const known = this.#transfers.get(transfer);
    if (known !== undefined) return known;
    this.#last.transfer += 1;
    return this.#last.transfer;
  }
}
