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
}

/** The connections that are open, and the few that closed with requests still to end. */
export class Connections {
  readonly #byId = new Map<number, Connection>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Returns false if an older one had to go. */
  open(id: number, peerProcess: number | undefined): boolean {
    this.#byId.set(id, { ...detached(id), peerProcess });
    if (this.#byId.size <= this.#max) return true;
    const [oldest] = this.#byId.keys();
    if (oldest !== undefined) this.#byId.delete(oldest);
    return false;
  }

  get(id: number): Connection | undefined {
    return this.#byId.get(id);
  }

  close(connection: Connection): void {
    this.#byId.delete(connection.id);
  }
}

/** Binds a connection to a pull. False if the pull has as many as it may have. */
export function carry(connection: Connection, pull: Pull, max: number): boolean {
  if (connection.pull === pull) return true;
  if (pull.connections.size >= max) return false;
  if (connection.pull !== undefined && connection.pull.connections.has(connection.id)) {
    connection.pull.connections.delete(connection.id);
    connection.pull.openConnections -= 1;
  }
  connection.pull = pull;
  pull.connections.add(connection.id);
  pull.openConnections += 1;
  return true;
}

/** A connection of which nothing is remembered. */
export function detached(id: number): Connection {
  return { id, peerProcess: undefined, client: undefined, pull: undefined, open: new Set() };
}
