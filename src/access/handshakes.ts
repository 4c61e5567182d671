import type { Socket } from "node:net";

/** Connections whose TLS handshake is under way. They belong to nobody yet, so that whoever accepts them cuts them off. */
export class Handshakes {
  /** By the client's end: what becomes of a connection in TLS is another object, with the same ends. */
  readonly #sockets = new Map<string, Socket>();

  get size(): number {
    return this.#sockets.size;
  }

  begin(socket: Socket): void {
    const end = clientEnd(socket);
    this.#sockets.set(end, socket);
    socket.once("close", () => {
      if (this.#sockets.get(end) === socket) this.#sockets.delete(end);
    });
  }

  /** The handshake of this connection in TLS is over. */
  finish(secured: Socket): void {
    this.#sockets.delete(clientEnd(secured));
  }

  cutOldest(): void {
    const [oldest] = this.#sockets.values();
    oldest?.destroy();
  }

  cutAll(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }
}

function clientEnd({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
