import type { Client } from "./client.ts";
import type { Pull } from "./pull.ts";

/** One TCP connection of a client. */
export interface Connection {
  readonly id: number;
  readonly peerProcess: number | undefined;
  client: Client | undefined;
  /** The pull whose requests it carried so far. */
  pull: Pull | undefined;
  /** Its requests that did not end. */
  readonly open: Set<number>;
  readonly openedMs: number;
  isClosed: boolean;
  /** When its last response ended. */
  idleSinceMs: number;
  /** It carried a GET of a manifest or blob: clients that resolve on a connection of its own never fetch on it. */
  fetched: boolean;
  requests: number;
}

/** The connections that are open, and the few that closed with requests still to end. */
export class Connections {
  readonly #byId = new Map<number, Connection>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Returns false if an older one had to go. */
  open(id: number, nowMs: number, peerProcess?: number): boolean {
    this.#byId.set(id, { ...detached(id, nowMs), peerProcess });
    if (this.#byId.size <= this.#max) return true;
    const [oldest] = this.#byId.keys();
    if (oldest !== undefined) this.#byId.delete(oldest);
    return false;
  }

  get(id: number): Connection | undefined {
    return this.#byId.get(id);
  }

  close(connection: Connection): void {
    connection.isClosed = true;
    this.#byId.delete(connection.id);
  }
}

/** Binds a connection to a pull. False if the pull has as many as it may have. */
export function carry(connection: Connection, pull: Pull, max: number): boolean {
  if (connection.pull === pull) return true;
  if (pull.connections.size >= max) return false;
  if (connection.pull?.connections.delete(connection) === true) connection.pull.openConnections -= 1;
  connection.pull = pull;
  pull.connections.add(connection);
  pull.openConnections += 1;
  return true;
}

/**
 * True if `pull` would have used another connection: HTTP clients open a new one only if none is idle
 * (Go `net/http` `Transport.getConn`), and this one was opened for the request while the pull had one to spare.
 */
export function hadConnectionToSpare(pull: Pull, connection: Connection): boolean {
  if (connection.requests > 0) return false;
  for (const other of pull.connections) {
    if (other.isClosed || other.open.size > 0 || !other.fetched) continue;
    if (other.idleSinceMs < connection.openedMs) return true;
  }
  return false;
}

/** A connection of which nothing is remembered. */
export function detached(id: number, nowMs: number): Connection {
  return {
    id,
    peerProcess: undefined,
    client: undefined,
    pull: undefined,
    open: new Set(),
    openedMs: nowMs,
    isClosed: false,
    idleSinceMs: nowMs,
    fetched: false,
    requests: 0,
  };
}
