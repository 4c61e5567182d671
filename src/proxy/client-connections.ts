import type { Socket } from "node:net";
import type { Connection } from "./connection.ts";

/** The connections of all clients, the one that asked longest ago first. */
export class ClientConnections {
  readonly #bySocket = new Map<Socket, Connection>();

  get size(): number {
    return this.#bySocket.size;
  }

  get(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  add(socket: Socket, connection: Connection): void {
    this.#bySocket.set(socket, connection);
  }

  delete(socket: Socket): void {
    this.#bySocket.delete(socket);
  }

  /** The connection of a request that came. */
  askedOn(socket: Socket): Connection | undefined {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined) return undefined;
    this.#bySocket.delete(socket);
    this.#bySocket.set(socket, connection);
    return connection;
  }

  /** Makes room by closing what is kept alive for nothing longest; false if everybody waits for something. */
  closeLongestIdle(): boolean {
    for (const connection of this.#bySocket.values()) {
      if (!connection.isIdle) continue;
      connection.closeWhenIdle();
      return true;
    }
    return false;
  }

  sockets(): readonly Socket[] {
    return [...this.#bySocket.keys()];
  }

  all(): readonly Connection[] {
    return [...this.#bySocket.values()];
  }
}
