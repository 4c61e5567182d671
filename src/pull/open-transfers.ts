import type { Connection } from "./connections.ts";
import { Deadlines } from "./deadlines.ts";
import type { Transfer } from "./transfer.ts";

/** The requests that have not ended, and those whose connection is closed so that their end must come. */
export class OpenTransfers {
  readonly #byId = new Map<number, Transfer>();
  readonly #orphans = new Deadlines<Connection>();

  get size(): number {
    return this.#byId.size;
  }

  /** True while nobody's end is waited for because its connection is closed. */
  get hasNoOrphans(): boolean {
    return this.#orphans.size === 0;
  }

  get(id: number): Transfer | undefined {
    return this.#byId.get(id);
  }

  add(transfer: Transfer): void {
    this.#byId.set(transfer.id, transfer);
    transfer.connection.open.add(transfer.id);
  }

  /** Takes out one that ended; undefined if it is not known. */
  take(id: number, nowMs: number): Transfer | undefined {
    const transfer = this.#byId.get(id);
    if (transfer === undefined) return undefined;
    this.#byId.delete(id);
    transfer.connection.open.delete(id);
    transfer.connection.idleSinceMs = nowMs;
    return transfer;
  }

  oldest(): number | undefined {
    const [oldest] = this.#byId.keys();
    return oldest;
  }

  /** The ends of its requests must have been reported by `untilMs`. */
  closed(connection: Connection, untilMs: number): void {
    if (connection.open.size > 0) this.#orphans.bringForward(connection, untilMs);
  }

  /** Those whose end was never reported, and by when it should have been. */
  takeOverdue(nowMs: number): readonly { readonly transfer: number; readonly dueMs: number }[] {
    const overdue = [];
    for (let due = this.#orphans.pop(nowMs); due !== undefined; due = this.#orphans.pop(nowMs)) {
      for (const transfer of due.item.open) overdue.push({ transfer, dueMs: due.dueMs });
    }
    return overdue;
  }
}
