import { once } from "node:events";
import {
  connect as connectTcp,
  isIP,
  type LookupFunction,
  type OnReadOpts,
  type Socket,
  type TcpNetConnectOpts,
} from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsConnectionOptions, type TLSSocket } from "node:tls";
import { request as httpRequest } from "../node-http.ts";
import { DialQueue } from "./dial-queue.ts";
import { checkHost, guardLookup } from "./guard.ts";
import { proxyAuthorization } from "./proxy-authorization.ts";
import type { TlsTrust } from "./tls-trust.ts";
import { codeOf, UpstreamError } from "./upstream-error.ts";

/** Where a connection leads, and under which rules. */
export interface Dial {
  /** Scheme, host and port. */
  readonly origin: URL;
  /** PEM certificates trusted beside the system's. */
  readonly ca?: string;
  /** HTTP proxy to tunnel through (CONNECT). It was configured by name, so it may be private itself. */
  readonly proxy?: URL;
  /** The host may resolve to addresses that are not public. */
  readonly allowPrivate: boolean;
}

/** Opens one connection, TLS included. Rejects with an UpstreamError. */
export type Connect = (dial: Dial, onread?: OnReadOpts) => Promise<Socket>;

export interface ConnectorOptions {
  readonly lookup: LookupFunction;
  /** For name, TCP and tunnel together, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** For the handshake. */
  readonly tlsTimeoutMs: number;
  readonly trust: TlsTrust;
}

/**
 * Makes the one function through which every connection to the outside is opened, so that none passes the guard by.
 * Behind a configured proxy the proxy resolves the names: there only IP literals and local names can be refused here.
 * `onread` takes the bytes in place of a stream; not through a proxy, where the socket was read before.
 */
export function createConnector(options: ConnectorOptions): Connect {
  const queue = new DialQueue();
  return async (dial, onread) => {
    const refusal = checkHost(dial.origin.hostname, dial.allowPrivate);
    if (refusal !== undefined) throw refusal;
    return queue.take(dial.origin.host, () => open(dial, onread, options));
  };
}

async function open(dial: Dial, onread: OnReadOpts | undefined, options: ConnectorOptions): Promise<Socket> {
  const attempt = new Attempt(dial.origin.host, options);
  try {
    const isTls = dial.origin.protocol === "https:";
    if (dial.proxy !== undefined) {
      const tunnel = await attempt.tunnel(dial.proxy, dial);
      return isTls ? await attempt.tlsOver(tunnel, dial.origin, dial.ca) : tunnel;
    }
    return await (isTls ? attempt.tls(dial, onread) : attempt.tcp(dial.origin, dial.allowPrivate, onread));
  } catch (error) {
    throw attempt.toError(error);
  } finally {
    attempt.end();
  }
}

type Phase = "connect" | "tls";

/** One attempt to connect: knows how far it came, and gives up in time. */
class Attempt {
  readonly #host: string;
  readonly #options: ConnectorOptions;
  /** What is left for each phase; a proxy that is reached over TLS has both of them twice. */
  readonly #leftMs: Record<Phase, number>;
  #phase: Phase = "connect";
  #sinceMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #timedOut = false;
  #socket: Socket | undefined;

  constructor(host: string, options: ConnectorOptions) {
    this.#host = host;
    this.#options = options;
    this.#leftMs = { connect: options.connectTimeoutMs, tls: options.tlsTimeoutMs };
    this.#enter("connect");
  }

  async tcp(origin: URL, allowPrivate: boolean, onread?: OnReadOpts): Promise<Socket> {
    const socket = connectTcp({ ...this.#tcpOptions(origin, allowPrivate), ...(onread && { onread }) });
    this.#hold(socket);
    await once(socket, "connect");
    return socket;
  }

  /** TCP and TLS in one: Node.js gives `onread` only to a TLS socket that opens its connection itself. */
  tls({ origin, ca, allowPrivate }: Dial, onread?: OnReadOpts): Promise<TLSSocket> {
    return this.#secure(origin, ca, { ...this.#tcpOptions(origin, allowPrivate), ...(onread && { onread }) });
  }

  tlsOver(socket: Socket, origin: URL, ca: string | undefined): Promise<TLSSocket> {
    this.#enter("tls");
    return this.#secure(origin, ca, { socket, host: bareHost(origin) });
  }

  async #secure(origin: URL, ca: string | undefined, way: TlsOptions): Promise<TLSSocket> {
    const hostname = bareHost(origin);
    const sessionKey = `${origin.host} ${ca ?? ""}`;
    const session = this.#options.trust.session(sessionKey);
    const secured = connectTls({
      ...way,
      // RFC 6066 §3: literal addresses are not permitted in the server name.
      ...(isIP(hostname) === 0 && { servername: hostname }),
      secureContext: this.#options.trust.context(ca),
      ALPNProtocols: ["http/1.1"],
      ...(session !== undefined && { session }),
    });
    this.#hold(secured);
    secured.once("connect", () => this.#enter("tls"));
    secured.on("session", (ticket) => this.#options.trust.keepSession(sessionKey, ticket));
    await once(secured, "secureConnect");
    return secured;
  }

  #tcpOptions(origin: URL, allowPrivate: boolean): TcpNetConnectOpts {
    return {
      host: bareHost(origin),
      port: portOf(origin),
      lookup: guardLookup(this.#options.lookup, allowPrivate),
      noDelay: true,
      // 60 s: finds dead peers between requests long before the kernel's own two hours.
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    };
  }

  /** Asks an HTTP proxy for a tunnel to `origin` (RFC 9110 §9.3.6). */
  async tunnel(proxy: URL, { origin, ca }: Dial): Promise<Socket> {
    const plain = await this.tcp(proxy, true);
    const socket = proxy.protocol === "https:" ? await this.tlsOver(plain, proxy, ca) : plain;
    this.#enter("connect");
    const authority = `${origin.hostname}:${portOf(origin)}`;
    const authorization = proxyAuthorization(proxy);
    const request = httpRequest({
      method: "CONNECT",
      path: authority,
      headers: {
        host: authority,
        ...(authorization !== undefined && { "proxy-authorization": authorization }),
      },
      createConnection: () => socket,
    });
    request.end();
    const status = await new Promise<number>((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (response) => resolve(response.statusCode ?? 0));
      request.on("connect", (response, _socket, head: Buffer) => {
        if (head.length > 0) socket.unshift(head);
        resolve(response.statusCode ?? 0);
      });
    });
    // RFC 9110 §9.3.6: any 2xx opens the tunnel.
    if (status >= 200 && status < 300) return socket;
    throw new UpstreamError("connect", `${origin.host}: the upstream proxy answered ${status}`);
  }

  #enter(phase: Phase): void {
    const nowMs = performance.now();
    if (this.#timer !== undefined) this.#leftMs[this.#phase] -= nowMs - this.#sinceMs;
    clearTimeout(this.#timer);
    this.#phase = phase;
    this.#sinceMs = nowMs;
    this.#timer = setTimeout(
      () => {
        this.#timedOut = true;
        this.#socket?.destroy(Object.assign(new Error("connect timeout"), { code: "ETIMEDOUT" }));
      },
      Math.max(0, this.#leftMs[phase]),
    );
  }

  /** The next owner listens for errors only once it has the socket; until then none may go unheard. */
  #hold(socket: Socket): void {
    socket.on("error", () => {});
    this.#socket = socket;
  }

  toError(error: unknown): UpstreamError {
    this.#socket?.destroy();
    if (error instanceof UpstreamError) return error;
    if (this.#timedOut) {
      const what = this.#phase === "tls" ? "no TLS handshake" : "no connection";
      return new UpstreamError(this.#phase, `${this.#host}: ${what} in time`, { cause: error });
    }
    const what = this.#phase === "tls" ? "TLS failed" : "the connection failed";
    const code = codeOf(error);
    const detail = code === "" ? "" : ` (${code})`;
    return new UpstreamError(this.#phase, `${this.#host}: ${what}${detail}`, { cause: error });
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

type TlsOptions = TlsConnectionOptions & Partial<TcpNetConnectOpts>;

function bareHost(origin: URL): string {
  return origin.hostname.startsWith("[") ? origin.hostname.slice(1, -1) : origin.hostname;
}

function portOf(origin: URL): number {
  if (origin.port !== "") return Number(origin.port);
  return origin.protocol === "https:" ? 443 : 80;
}
