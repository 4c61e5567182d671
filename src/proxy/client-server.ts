import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import { Socket } from "node:net";
import type { Credentials } from "../access/credentials.ts";
import { Handshakes } from "../access/handshakes.ts";
import { toTlsOptions, type Protection } from "../access/protection.ts";
import { createServer as createHttpServer } from "../node-http.ts";
import type { RefusalReason } from "../pull/transfer-event.ts";
import { reasonOfHandshakeError, reasonOfParseError, type ParseError } from "./bad-head.ts";
import type { ClientResponse } from "./client-response.ts";
import type { BoundListener, Listener } from "./listener.ts";
import { PlainReader } from "./plain-reader.ts";
import type { RequestHead } from "./plain-request.ts";

export interface ClientServerSettings {
  readonly clientHeadTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxHeadBytes: number;
}

/** What comes in. Every socket is the one of its `accepted`. */
export interface ClientServerEvents {
  /** A connection is there on which requests can come: with TLS, after the handshake. */
  accepted(socket: Socket): void;
  /** A plain request, which has no body. */
  askedPlainly(socket: Socket, request: RequestHead, response: ClientResponse): void;
  requested(request: IncomingMessage, response: ServerResponse): void;
  /** Bytes came that are no request to be handled; without a reason there is nobody to tell. */
  garbled(socket: Socket, reason: RefusalReason | undefined): void;
  /** Whether one more may begin a handshake, which costs more than anything else that a stranger can ask for. */
  mayShakeHands(): boolean;
  /** A handshake failed, or did not begin. */
  unshaken(reason: RefusalReason): void;
}

/** The server of one listener: HTTP/1.1, or the same in TLS. */
export class ClientServer {
  #listener: Listener;
  readonly #server: Server | HttpsServer;
  readonly #handshakes = new Handshakes();
  readonly #maxHeadBytes: number;
  #protection: Protection;

  constructor(listener: Listener, settings: ClientServerSettings, events: ClientServerEvents) {
    this.#listener = listener;
    this.#protection = listener.protection ?? {};
    this.#maxHeadBytes = settings.maxHeadBytes;
    this.#server = this.#create(settings);
    // The size of the head bounds their number.
    this.#server.maxHeadersCount = 0;
    this.#listenTo(events);
  }

  get listener(): Listener {
    return this.#listener;
  }

  get credentials(): Credentials | undefined {
    return this.#protection.credentials;
  }

  /** Connections whose TLS handshake is under way. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  /** Takes what files say now: for the next handshake, and the next request. */
  protect(protection: Protection): void {
    this.#protection = protection;
    if ("setSecureContext" in this.#server && protection.tls !== undefined) {
      this.#server.setSecureContext(toTlsOptions(protection.tls));
    }
  }

  /** Takes other settings for what comes from now on; the largest head stays. */
  adopt(listener: Listener, { clientHeadTimeoutMs, keepAliveTimeoutMs }: ClientServerSettings): void {
    this.#listener = listener;
    this.#server.headersTimeout = clientHeadTimeoutMs;
    this.#server.keepAliveTimeout = keepAliveTimeoutMs;
  }

  async bind(): Promise<BoundListener> {
    const { name, host, port } = this.listener;
    this.#server.listen({ host, port });
    await once(this.#server, "listening");
    const address = this.#server.address();
    return { name, host, port: typeof address === "object" && address !== null ? address.port : port };
  }

  /** Stops listening, and resolves when the last connection is closed. Handshakes are no transfers: they end at once. */
  stop(): Promise<void> {
    this.#handshakes.cutAll();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #create({ clientHeadTimeoutMs, keepAliveTimeoutMs, maxHeadBytes }: ClientServerSettings): Server | HttpsServer {
    const options = {
      maxHeaderSize: maxHeadBytes,
      headersTimeout: clientHeadTimeoutMs,
      // An upload may take as long as it takes.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(clientHeadTimeoutMs, CHECK_INTERVAL_MS),
      keepAliveTimeout: keepAliveTimeoutMs,
      // The rules for requests look at Host themselves, so that what they refuse is counted.
      requireHostHeader: false,
    };
    const { tls } = this.#protection;
    if (tls === undefined) return createHttpServer(options);
    return createHttpsServer({ ...options, ...toTlsOptions(tls), handshakeTimeout: clientHeadTimeoutMs });
  }

  #listenTo(events: ClientServerEvents): void {
    const server = this.#server;
    if (this.#protection.tls === undefined) {
      this.#readPlainRequests(events);
    } else {
      server.on("connection", (socket: Socket) => this.#shakeHands(socket, events));
      server.on("secureConnection", (socket: Socket) => {
        this.#handshakes.finish(socket);
        events.accepted(socket);
      });
      server.on("tlsClientError", (error: Error, socket: Socket) => {
        const reason = reasonOfHandshakeError(error, socket);
        if (reason !== undefined) events.unshaken(reason);
      });
    }
    server.on("request", (request, response) => events.requested(request, response));
    // RFC 9110 §10.1.1: an unknown expectation may be passed over; Node.js would answer it by itself, and nobody count it.
    server.on("checkExpectation", (request, response) => events.requested(request, response));
    server.on("connect", (request: IncomingMessage) => events.garbled(request.socket, "method"));
    server.on("clientError", (error: ParseError, duplex) => {
      if (duplex instanceof Socket) events.garbled(duplex, reasonOfParseError(error));
    });
  }

  /** What is plain is read here; Node.js reads the rest, from the first byte that is not. */
  #readPlainRequests(events: ClientServerEvents): void {
    const server = this.#server;
    const readByNode = server.listeners("connection");
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => {
      events.accepted(socket);
      if (socket.destroyed) return;
      const reader = new PlainReader({
        socket,
        maxHeadBytes: this.#maxHeadBytes,
        headTimeoutMs: this.#server.headersTimeout,
        keepAliveTimeoutMs: this.#server.keepAliveTimeout,
        requested: (request, response) => events.askedPlainly(socket, request, response),
        handOver: () => readByNode.forEach((read) => read.call(server, socket)),
      });
      reader.start();
    });
  }

  #shakeHands(socket: Socket, events: ClientServerEvents): void {
    if (!events.mayShakeHands()) {
      events.unshaken("overloaded");
      socket.destroy();
      return;
    }
    this.#handshakes.begin(socket);
  }
}

/** 5 s: how exactly the time for a head is kept. */
const CHECK_INTERVAL_MS = 5_000;
