import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Credentials } from "../access/credentials.ts";
import { Handshakes } from "../access/handshakes.ts";
import { toTlsOptions, type Protection } from "../access/protection.ts";
import type { Expose } from "../metrics/exposition.ts";
import { createServer as createHttpServer } from "../node-http.ts";
import { INDEX_PAGE } from "./index-page.ts";
import type { PullsView } from "./pulls-view.ts";

/** Whether clients can be served, and what there is to say about it. `details` are public. */
export interface Readiness {
  readonly ready: boolean;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

export interface AdminOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Absent: plain HTTP for everybody. */
  readonly protection?: Protection;
  readonly expose: Expose;
  readonly pulls: Pick<PullsView, "toJson">;
  readonly readiness: () => Readiness;
  /** Told of an error that became a 500. */
  readonly failed: (error: unknown) => void;
}

interface Answer {
  readonly status?: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** Metrics, probes and views, on a listener of their own: they are never reachable through the proxy's. */
export class AdminServer {
  readonly #options: AdminOptions;
  readonly #server: Server | HttpsServer;
  #protection: Protection;
  /** The one that asked longest ago, or never did, first. */
  readonly #connections = new Set<Socket>();
  readonly #handshakes = new Handshakes();
  #scraped: () => void = () => {};

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#protection = options.protection ?? {};
    const times = {
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: HEAD_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_MS,
    };
    const { tls } = this.#protection;
    this.#server =
      tls === undefined
        ? createHttpServer(times)
        : createHttpsServer({ ...times, ...toTlsOptions(tls), handshakeTimeout: HEAD_TIMEOUT_MS });
    this.#server.on("request", (request, response) => {
      this.#connections.delete(request.socket);
      this.#connections.add(request.socket);
      void this.#respond(request, response);
    });
    if (tls !== undefined) this.#server.on("connection", (socket: Socket) => this.#shakeHands(socket));
    this.#server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => this.#accept(socket));
  }

  /** From now on the listener is protected like this; connections that are open stay. */
  protect(protection: Protection): void {
    this.#protection = protection;
    if ("setSecureContext" in this.#server && protection.tls !== undefined) {
      this.#server.setSecureContext(toTlsOptions(protection.tls));
    }
  }

  /** Those that do not finish their handshake must not keep others out either. */
  #shakeHands(socket: Socket): void {
    this.#handshakes.begin(socket);
    if (this.#handshakes.size > MAX_CONNECTIONS) this.#handshakes.cutOldest();
  }

  /** Makes room by closing what is idle longest: silent connections must not keep probes and scrapers out. */
  #accept(socket: Socket): void {
    this.#handshakes.finish(socket);
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
    const [oldest] = this.#connections;
    if (this.#connections.size > MAX_CONNECTIONS) oldest?.destroy();
  }

  /** Resolves to the bound address. Rejects if it cannot be bound. */
  async listen(): Promise<AddressInfo> {
    this.#server.listen(this.#options.port, this.#options.host);
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the admin listener has no address");
    return address;
  }

  /** Resolves when a scrape that begins from now on has its whole answer, or when the time is over. */
  lastScrape(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#scraped = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Stops listening and closes every connection. May be called more than once. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    this.#handshakes.cutAll();
    await once(this.#server, "close");
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const scraped = this.#scraped;
    const answer = await this.#answer(request).catch((error: unknown) => {
      this.#options.failed(error);
      return text(500, "internal error");
    });
    const isScrape = request.method === "GET" && pathOf(request.url ?? "") === "/metrics";
    // Not of a stranger, who was turned away.
    if (isScrape && answer.status === undefined) response.once("finish", scraped);
    const body = typeof answer.body === "string" ? Buffer.from(answer.body) : answer.body;
    response.writeHead(answer.status ?? 200, {
      ...HARDENING,
      ...answer.headers,
      "Content-Type": answer.contentType,
      "Content-Length": body.length,
    });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  async #answer({ method = "", url = "", headers }: IncomingMessage): Promise<Answer> {
    const { credentials } = this.#protection;
    const recognition = (await credentials?.recognize(headers.authorization)) ?? "known";
    if (credentials !== undefined && recognition !== "known") {
      return this.#forStrangers.get(pathOf(url))?.() ?? turnAway(recognition, credentials);
    }
    const handle = this.#paths.get(pathOf(url));
    if (handle === undefined) return text(404, "not found; see /");
    if (method !== "GET" && method !== "HEAD")
      return { ...text(405, "only GET and HEAD"), headers: { Allow: "GET, HEAD" } };
    return handle(headers.accept);
  }

  readonly #paths = new Map<string, (accept: string | undefined) => Answer | Promise<Answer>>([
    ["/", () => ({ contentType: "text/html; charset=utf-8", body: INDEX_PAGE })],
    ["/metrics", async (accept) => ({ ...(await this.#options.expose(accept)), headers: { Vary: "Accept" } })],
    ["/livez", () => text(200, "ok")],
    ["/healthz", () => text(200, "ok")],
    ["/readyz", () => this.#readyz()],
    ["/api/pulls", () => json(200, this.#options.pulls.toJson())],
  ]);

  /** Probes have no credentials: they learn whether, and not why. */
  readonly #forStrangers = new Map<string, () => Answer>([
    ["/livez", () => text(200, "ok")],
    ["/healthz", () => text(200, "ok")],
    ["/readyz", () => readiness(this.#options.readiness().ready, {})],
  ]);

  #readyz(): Answer {
    const { ready, details } = this.#options.readiness();
    return readiness(ready, details);
  }
}

function turnAway(recognition: "unknown" | "busy", { challenges }: Credentials): Answer {
  if (recognition === "busy") return { ...text(503, "too many passwords wait"), headers: { "Retry-After": "5" } };
  return { ...text(401, "credentials are needed"), headers: { "WWW-Authenticate": challenges } };
}

/** 3 s for a request's head: scrapers and probes are near. */
const HEAD_TIMEOUT_MS = 3_000;

/** 2 s: how exactly that is kept. */
const CHECK_MS = 2_000;

/** 100 connections: scrapers, probes and some people; a leak of them must not take the proxy's descriptors. */
const MAX_CONNECTIONS = 100;

/** Nothing here may be framed, sniffed, cached or load anything. */
const HARDENING = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

function readiness(ready: boolean, details: Readiness["details"]): Answer {
  return json(ready ? 200 : 503, JSON.stringify({ ready, ...details }));
}

function text(status: number, message: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${message}\n` };
}

function json(status: number, body: string): Answer {
  return { status, contentType: "application/json; charset=utf-8", body };
}

/** Of a request target in origin form; a query is allowed and ignored. */
function pathOf(target: string): string {
  const [path = ""] = target.split("?", 1);
  return path;
}
