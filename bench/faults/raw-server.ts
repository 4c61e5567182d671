import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { createSecureContext, TLSSocket } from "node:tls";
import { readRequests, type RequestHead } from "./request-heads.ts";

/** What a server offers to a new connection over TLS. */
export type Offer = "trusted" | "expired" | "untrusted" | "h2";

const FOLDER = join(import.meta.dirname, "certificates");
const readPem = (name: string): string => readFileSync(join(FOLDER, `${name}.pem`), "utf8");

/** Trusted by clients of the bench. The expired one as well: nothing but its date is wrong. */
export const CA_FILES = [join(FOLDER, "trusted.pem"), join(FOLDER, "expired.pem")];

const key = readPem("key");
const CONTEXTS = {
  trusted: createSecureContext({ key, cert: readPem("trusted") }),
  expired: createSecureContext({ key, cert: readPem("expired") }),
  untrusted: createSecureContext({ key, cert: readPem("untrusted") }),
};

/** One connection of a client: what HTTP is written to, and the socket below it. */
export interface RawConnection {
  readonly stream: Duplex;
  readonly raw: Socket;
}

export interface RawServerOptions {
  readonly secure: boolean;
  /** Asked for each connection over TLS. */
  readonly offer: () => Offer;
  readonly onRequest: (connection: RawConnection, request: RequestHead) => void;
}

/** A server that writes bytes itself, so that it can write wrong ones. It never closes an idle connection. */
export class RawServer {
  readonly #options: RawServerOptions;
  readonly #server = createServer((raw) => this.#accept(raw));
  readonly #sockets = new Set<Socket>();

  constructor(options: RawServerOptions) {
    this.#options = options;
  }

  /** Resolves with the port, on loopback. */
  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #accept(raw: Socket): void {
    this.#sockets.add(raw);
    raw.on("error", () => {}).once("close", () => this.#sockets.delete(raw));
    const stream = this.#options.secure ? secure(raw, this.#options.offer()) : raw;
    readRequests(stream, (request) => this.#options.onRequest({ stream, raw }, request));
  }
}

function secure(raw: Socket, offer: Offer): TLSSocket {
  const secured = new TLSSocket(raw, {
    isServer: true,
    secureContext: CONTEXTS[offer === "h2" ? "trusted" : offer],
    ALPNProtocols: [offer === "h2" ? "h2" : "http/1.1"],
  });
  return secured.on("error", () => raw.destroy());
}
