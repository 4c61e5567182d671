import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { nowMs } from "./clock.ts";
import { formatHead, headerOf, MessageReader, type MessageHead } from "./http-framing.ts";

/** One request of a real client and what came back, as the client saw it. Times as `nowMs`. */
export interface Exchange {
  readonly seq: number;
  readonly listener: string;
  readonly connection: number;
  /** The pull that made this request; absent when its client was gone before it could be identified. */
  readonly pull: number | undefined;
  readonly method: string;
  /** As the proxy gets it. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly startMs: number;
  headMs?: number;
  endMs?: number;
  status?: number;
  responseHeaders?: Readonly<Record<string, string>>;
  bytes: number;
  /** Manifests only. */
  body?: string;
  /** Who ended the connection before the response was whole. */
  aborted?: "client" | "proxy";
}

export interface TappedConnection {
  readonly id: number;
  readonly listener: string;
  readonly openedMs: number;
  closedMs?: number;
  /** When the client tried TLS on this plain port. */
  tlsMs?: number;
}

/** Tells which pull is behind a connection or request, and takes off what must not reach the proxy. */
export interface Attribution {
  /** A pull has a process of its own, from now until it `ended`. */
  started?(process: number, pull: number): void;
  ended?(process: number): void;
  /** Called when a connection was accepted, while its client waits. */
  ofConnection?(peerPort: number): number | undefined;
  ofRequest?(head: MessageHead): { readonly pull: number | undefined; readonly forward: MessageHead };
}

/** What all taps of a run saw. */
export class TapLog {
  readonly exchanges: Exchange[] = [];
  readonly connections: TappedConnection[] = [];
  /** Called when a response was delivered whole. */
  onEnd: (exchange: Exchange) => void = () => {};

  addConnection(listener: string): TappedConnection {
    const connection: TappedConnection = { id: this.connections.length + 1, listener, openedMs: nowMs() };
    this.connections.push(connection);
    return connection;
  }

  addExchange(exchange: Omit<Exchange, "seq" | "bytes" | "startMs">): Exchange {
    const added = { ...exchange, seq: this.exchanges.length + 1, bytes: 0, startMs: nowMs() };
    this.exchanges.push(added);
    return added;
  }
}

/** First byte of a TLS record with a handshake message, RFC 8446 §5.1. */
const TLS_HANDSHAKE = 0x16;

/**
 * Stands between clients and the proxy and relays byte for byte: one connection to the proxy for each connection of a
 * client, closed as soon as the other side closes, so that the proxy sees the connections that the clients made. Only
 * request heads may be changed, by the attribution.
 */
export class Tap {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #options: { listener: string; proxyPort: number; attribution: Attribution; log: TapLog };

  constructor(options: { listener: string; proxyPort: number; attribution: Attribution; log: TapLog }) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  /** Returns the port. */
  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    const { listener, proxyPort, attribution, log } = this.#options;
    const pull = attribution.ofConnection?.(client.remotePort ?? 0);
    const proxy = connect({ port: proxyPort, host: "127.0.0.1", noDelay: true });
    const relay = new Relay({ client, proxy, attribution, log, connection: log.addConnection(listener), pull });
    for (const socket of [client, proxy]) {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    }
    relay.start();
  }
}

interface RelayOptions {
  readonly client: Socket;
  readonly proxy: Socket;
  readonly attribution: Attribution;
  readonly log: TapLog;
  readonly connection: TappedConnection;
  readonly pull: number | undefined;
}

class Relay {
  readonly #options: RelayOptions;
  /** Requests whose responses are not whole; clients do not pipeline, so it holds one at most. */
  readonly #waiting: Exchange[] = [];
  readonly #requests: MessageReader;
  readonly #responses: MessageReader;
  readonly #body: Buffer[] = [];

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#requests = new MessageReader({
      onHead: (head) => this.#onRequest(head),
      onBody: (bytes) => options.proxy.write(bytes),
      onEnd: () => {},
    });
    this.#responses = new MessageReader({
      onHead: (head) => this.#onResponse(head),
      onBody: (bytes) => this.#onBody(bytes),
      onEnd: () => this.#onResponseEnd(),
    });
  }

  start(): void {
    const { client, proxy, connection } = this.#options;
    let opaque = false;
    client.once("data", (first: Buffer) => {
      if (first[0] !== TLS_HANDSHAKE) return;
      opaque = true;
      connection.tlsMs = nowMs();
    });
    client.on("data", (bytes: Buffer) => {
      if (opaque) proxy.write(bytes);
      else this.#requests.push(bytes);
    });
    proxy.on("data", (bytes: Buffer) => {
      if (!client.write(bytes)) {
        proxy.pause();
        client.once("drain", () => proxy.resume());
      }
      if (!opaque) this.#responses.push(bytes);
    });
    this.#mirrorEnds();
  }

  #mirrorEnds(): void {
    const { client, proxy, connection } = this.#options;
    const closed = (who: "client" | "proxy"): void => {
      connection.closedMs ??= nowMs();
      for (const exchange of this.#waiting.splice(0)) Object.assign(exchange, { aborted: who, endMs: nowMs() });
    };
    proxy.on("end", () => {
      this.#responses.end();
      closed("proxy");
      client.end();
    });
    client.on("end", () => closed("client"));
    client.on("close", () => {
      closed("client");
      proxy.destroy();
    });
    proxy.on("close", (failed) => {
      closed("proxy");
      if (failed) client.resetAndDestroy();
      else client.destroySoon();
    });
    // "close" follows and says all there is to know.
    client.on("error", () => {});
    proxy.on("error", () => {});
  }

  #onRequest(head: MessageHead): { bodyless: boolean } {
    const { proxy, attribution, log, connection } = this.#options;
    const { pull, forward } = attribution.ofRequest?.(head) ?? { pull: this.#options.pull, forward: head };
    const [method = "", url = ""] = forward.startLine.split(" ");
    const headers = lowerCased(forward);
    this.#waiting.push(
      log.addExchange({ listener: connection.listener, connection: connection.id, pull, method, url, headers }),
    );
    proxy.write(formatHead(forward));
    return { bodyless: false };
  }

  #onResponse(head: MessageHead): { bodyless: boolean } {
    const [exchange] = this.#waiting;
    const status = Number(head.startLine.split(" ")[1]);
    if (exchange !== undefined && status >= 200) {
      Object.assign(exchange, { headMs: nowMs(), status, responseHeaders: lowerCased(head) });
    }
    return { bodyless: exchange?.method === "HEAD" || status === 204 || status === 304 };
  }

  #onBody(bytes: Buffer): void {
    const [exchange] = this.#waiting;
    if (exchange === undefined) return;
    exchange.bytes += bytes.length;
    if (exchange.url.includes("/manifests/")) this.#body.push(Buffer.from(bytes));
  }

  #onResponseEnd(): void {
    const exchange = this.#waiting.shift();
    const body = Buffer.concat(this.#body.splice(0)).toString("utf8");
    if (exchange === undefined) return;
    exchange.endMs = nowMs();
    if (body !== "") exchange.body = body;
    this.#options.log.onEnd(exchange);
  }
}

function lowerCased(head: MessageHead): Record<string, string> {
  return Object.fromEntries(
    head.headers.map(([name]) => [name.toLowerCase(), headerOf(head, name.toLowerCase()) ?? ""]),
  );
}
