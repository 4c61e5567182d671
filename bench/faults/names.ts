import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** Answers what names of the bench resolve to: a line with a name in, a line with an address or an error's code out. */
export class Names {
  readonly #resolve: (name: string) => string | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#serve(socket));

  constructor(resolve: (name: string) => string | undefined) {
    this.#resolve = resolve;
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {}).once("close", () => this.#sockets.delete(socket));
    createInterface(socket).on("line", (name) => socket.end(`${this.#resolve(name) ?? "ENOTFOUND"}\n`));
  }
}
