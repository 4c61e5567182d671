import type { Socket } from "node:net";
import type { Protection } from "../access/protection.ts";
import type { RefusalReason } from "../pull/transfer-event.ts";
import type { CircuitChange } from "../upstream/circuit.ts";
import { HeaderNames } from "../upstream/raw-headers.ts";
import { UpstreamClient } from "../upstream/upstream-client.ts";
import { printRefusal } from "./bad-head.ts";
import { BlobVerifier } from "./blob-verifier.ts";
import { ClientConnections } from "./client-connections.ts";
import { NodeResponse } from "./client-response.ts";
import { ClientServer } from "./client-server.ts";
import { Connection, type Load } from "./connection.ts";
import { Draining, NO_PULLS, waitUntil, type PullsUnderWay } from "./draining.ts";
import { Generation } from "./generation.ts";
import type { BoundListener, Listener } from "./listener.ts";
import { Passthrough } from "./passthrough.ts";
import { DEFAULT_PROXY_SETTINGS, type Proxy, type ProxyOptions, type ProxyRules, type ProxySettings } from "./proxy.ts";
import { PeerProcesses, type Ends } from "./peer-process.ts";
import { NAMESPACE_HEADER } from "./resolve-registry.ts";
import { TokenRelay } from "./token-relay.ts";
import { readAwayRest } from "./unread-body.ts";

/** Makes the data plane: listeners on one side, registries on the other. */
export function createProxy(options: ProxyOptions): Proxy {
  return new ProxyServer(options);
}

class ProxyServer implements Proxy {
  readonly #options: ProxyOptions;
  /** Those of the start: for what no reload replaces. */
  readonly #settings: ProxySettings;
  readonly #servers: readonly ClientServer[];
  #generation: Generation;
  #relay: ProxyRules["tokenRelay"];
  #tokens: TokenRelay | undefined;
  readonly #verifier = new BlobVerifier();
  readonly #peerProcesses = new PeerProcesses();
  readonly #connections = new ClientConnections();
  readonly #load: Load = { transfers: 0, lastEndMs: Number.NEGATIVE_INFINITY };
  #connectionIds = 0;
  #transferIds = 0;
  #draining: Draining | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#settings = { ...DEFAULT_PROXY_SETTINGS, ...options.settings };
    this.#generation = this.#begin(options);
    this.#servers = options.listeners.map((listener) => this.#createServer(listener));
  }

  reload(rules: ProxyRules): void {
    const before = this.#generation;
    this.#generation = this.#begin(rules);
    const settings = { ...DEFAULT_PROXY_SETTINGS, ...rules.settings };
    for (const server of this.#servers) {
      server.adopt(rules.listeners.find(({ name }) => name === server.listener.name) ?? server.listener, settings);
    }
    void before.retire();
  }

  #begin({ findUpstream, settings: given, tokenRelay }: ProxyRules): Generation {
    const settings = { ...DEFAULT_PROXY_SETTINGS, ...given };
    const { lookup, now, observe } = this.#options;
    const { clientBodyTimeoutMs, headTimeoutMs, labelHeaders, stallTimeoutMs } = settings;
    const onCircuit = (change: CircuitChange): void => observe({ type: "circuit-changed", atMs: now(), ...change });
    const client = new UpstreamClient({ settings, now, onCircuit, ...(lookup !== undefined && { lookup }) });
    const takenHeaders = new HeaderNames([NAMESPACE_HEADER, labelHeaders.isolation, labelHeaders.trigger]);
    const times = { headTimeoutMs, stallTimeoutMs, clientBodyTimeoutMs };
    const passthrough = new Passthrough({ client, observe, now, takenHeaders, ...times });
    // Also when nothing is relayed any more: clients hold tokens that were made here.
    const relay = tokenRelay ?? this.#relay;
    this.#relay = relay;
    if (relay !== undefined) this.#tokens = new TokenRelay(relay.domainOf, now, this.#tokens);
    return new Generation({
      findUpstream,
      client,
      passthrough,
      verifier: this.#verifier,
      observe,
      now,
      labelHeaders,
      takenHeaders,
      nextTransferId: () => ++this.#transferIds,
      isOverloaded: () => this.#load.transfers > this.#settings.maxTransfers,
      draining: () => this.#draining,
      ...(this.#tokens && { tokens: this.#tokens }),
    });
  }

  async listen(): Promise<BoundListener[]> {
    try {
      const bound: BoundListener[] = [];
      for (const server of this.#servers) bound.push(await server.bind());
      return bound;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  protect(name: string, protection: Protection): void {
    this.#servers.find(({ listener }) => listener.name === name)?.protect(protection);
  }

  // Idle connections stay as they are: to podman and its kin the last one that closes is the end of the pull.
  async drain(timeoutMs: number, pulls: PullsUnderWay = NO_PULLS): Promise<void> {
    this.#draining = new Draining(pulls);
    await waitUntil(() => this.#isQuietFor(pulls.quietMs) && !pulls.isAny(), timeoutMs);
    await this.close();
  }

  #isQuietFor(quietMs: number): boolean {
    return this.#load.transfers === 0 && performance.now() - this.#load.lastEndMs >= quietMs;
  }

  async close(): Promise<void> {
    const closed = this.#stop();
    for (const connection of this.#connections.all()) connection.destroy("shutdown");
    await closed;
    await Promise.all([this.#generation.close(), this.#verifier.close()]);
  }

  /** Stops accepting, and resolves when the last connection was reported closed. */
  async #stop(): Promise<void> {
    const sockets = this.#connections
      .sockets()
      .map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())));
    await Promise.all([...sockets, ...this.#servers.map((server) => server.stop())]);
  }

  #createServer(listener: Listener): ClientServer {
    const server: ClientServer = new ClientServer(listener, this.#settings, {
      accepted: (socket) => this.#accept(server, socket),
      askedPlainly: (socket, request, response) => {
        const connection = this.#connections.askedOn(socket);
        connection?.takeTurn(() => this.#generation.handle({ request, response, connection }));
      },
      requested: (request, response) => {
        // Node.js takes it off a request that is over.
        const { socket } = request;
        const connection = this.#connections.askedOn(socket);
        const node = { request, response };
        connection?.takeTurn(async () => {
          await this.#generation.handle({ request, response: new NodeResponse(response), connection, node });
          // A registry that took an upload may say so before it has everything.
          if (response.statusCode >= 300) readAwayRest(request, socket);
        });
      },
      garbled: (socket, reason) => this.#turnAway(socket, reason),
      mayShakeHands: () => this.#surplus() <= MAX_SURPLUS,
      unshaken: (reason) => this.#refused(listener, reason),
    });
    return server;
  }

  #accept(server: ClientServer, socket: Socket): void {
    const { now, observe } = this.#options;
    const { listener } = server;
    // Node.js takes its own listener off a socket that asked for CONNECT.
    socket.on("error", () => {});
    const surplus = this.#makeRoom();
    if (surplus > MAX_SURPLUS) {
      this.#refused(listener, "overloaded");
      socket.destroy();
      return;
    }
    const connection = new Connection({
      id: ++this.#connectionIds,
      port: server,
      socket,
      load: this.#load,
      isSurplus: surplus > 0,
    });
    this.#connections.add(socket, connection);
    const peerProcess = listener.peerIdentity === "proc" ? this.#peerProcesses.find(endsOf(socket)) : undefined;
    observe({
      type: "connection-opened",
      atMs: now(),
      connection: connection.id,
      listener: listener.name,
      remoteAddress: connection.remoteAddress,
      ...(peerProcess !== undefined && { peerProcess }),
    });
    socket.on("end", () => connection.left());
    socket.on("close", () => {
      this.#connections.delete(socket);
      connection.destroy("client_aborted");
      observe({ type: "connection-closed", atMs: now(), connection: connection.id });
    });
  }

  /** How many connections there are beyond those that may be, a new one included. */
  #surplus(): number {
    const handshakes = this.#servers.reduce((sum, server) => sum + server.handshakes, 0);
    return this.#connections.size + handshakes + 1 - this.#settings.maxConnections;
  }

  /** The same after closing what is idle, if there is too much. */
  #makeRoom(): number {
    const surplus = this.#surplus();
    return surplus > 0 && this.#connections.closeLongestIdle() ? 0 : surplus;
  }

  #refused(listener: Listener, reason: RefusalReason): void {
    const { now, observe } = this.#options;
    observe({ type: "refused", atMs: now(), listener: listener.name, reason });
  }

  /** Answers bytes that are no request that could be handled, and closes. */
  #turnAway(socket: Socket, reason: RefusalReason | undefined): void {
    const connection = this.#connections.get(socket);
    // Silence is answered with silence.
    if (connection === undefined || reason === undefined || socket.bytesRead === 0) {
      socket.destroy();
      return;
    }
    if (!socket.writable) return;
    this.#refused(connection.listener, reason);
    // A response that is half written can only be cut.
    if (connection.runningTransfers > 0) return void socket.destroy();
    // Nor is what was read before it, and waits for its turn, asked of anybody.
    connection.closeAfterResponse();
    socket.end(printRefusal(reason));
    // Closing with unread bytes would reset the connection before the client has read why: take them for a moment.
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(timer));
  }
}

/** 1,000 connections are still taken to be told that there are too many; beyond it they are closed without a word. */
const MAX_SURPLUS = 1_000;

/** 1 s: enough to read a refusal of 200 bytes. */
const LINGER_MS = 1_000;

function endsOf({ remoteAddress = "", remotePort = 0, localAddress = "", localPort = 0 }: Socket): Ends {
  return {
    clientAddress: remoteAddress,
    clientPort: remotePort,
    serverAddress: localAddress,
    serverPort: localPort,
  };
}
