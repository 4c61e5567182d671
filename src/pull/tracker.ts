import { assign, isRead, mayConcernPull } from "./assign-request.ts";
import type { Assignment, PullRequest } from "./assign.ts";
import { Clients } from "./clients.ts";
import type { Client } from "./client.ts";
import { carry, Connections, detached, type Connection } from "./connections.ts";
import { isRequestedLayer, toLivePull } from "./finish.ts";
import { LivePulls } from "./live-pulls.ts";
import { ManifestCache } from "./manifest-cache.ts";
import { MonotonicClock } from "./monotonic-clock.ts";
import { isRefused } from "./eviction-order.ts";
import { toPing, type AnsweredPing, type Ping } from "./pings.ts";
import type { Bound, LivePull, PullObserver, UnassignedReason } from "./pull-event.ts";
import { newPull } from "./new-pull.ts";
import { OpenTransfers } from "./open-transfers.ts";
import type { Pull } from "./pull.ts";
import { pullId } from "./pull-id.ts";
import { end, respond } from "./answers.ts";
import type { Ledger } from "./learn.ts";
import { begin, referenceOf } from "./requests.ts";
import { applyEach, SameInstant } from "./same-instant.ts";
import { DEFAULT_SETTINGS, type TrackerSettings } from "./settings.ts";
import type { TrackerOptions } from "./tracker-options.ts";
import { noteTokenRefusal } from "./token-refusal.ts";
import { isTurnedDown, newTransfer, type Transfer } from "./transfer.ts";
import type {
  ConnectionClosed,
  ConnectionOpened,
  ResponseStarted,
  TransferEvent,
  TransferFailed,
  TransferFinished,
  TransferStarted,
} from "./transfer-event.ts";

/**
 * Puts requests together to pulls. Events and a clock go in, `PullEvent`s come out: it has no timers, so its owner calls
 * `advance` now and then. Memory is bounded by the settings. Throws only what `report` throws, or a mistake of its own.
 */
export class PullTracker {
  readonly #report: PullObserver;
  readonly #settings: TrackerSettings;
  readonly #idSuffix: string;
  readonly #ledger: Ledger;
  readonly #clock: MonotonicClock;
  readonly #instant = new SameInstant();
  readonly #connections: Connections;
  readonly #clients: Clients;
  readonly #transfers = new OpenTransfers();
  readonly #pulls: LivePulls;
  #opened = 0;

  constructor(options: TrackerOptions) {
    this.#report = options.report;
    this.#settings = { ...DEFAULT_SETTINGS, ...options.settings };
    this.#idSuffix = options.idSuffix ?? "";
    this.#clock = new MonotonicClock(this.#settings.clockSlackMs);
    this.#connections = new Connections(this.#settings.maxConnections);
    this.#clients = new Clients(this.#settings);
    this.#pulls = new LivePulls(this.#report, this.#settings, ({ client }) => {
      this.#clients.noteSpare(client);
      this.#clients.wake(client, this.#clock.lastMs);
    });
    this.#ledger = {
      settings: this.#settings,
      manifests: new ManifestCache(this.#settings),
      manifestEvicted: () => this.#hit("manifests"),
      blobRefused: () => this.#hit("blobs"),
    };
  }

  /** Other times and bounds from now on. What waits is judged by them when its old time comes. */
  configure(settings: Partial<TrackerSettings>): void {
    Object.assign(this.#settings, DEFAULT_SETTINGS, settings);
  }

  /** Takes in one event. Those of one millisecond may come in any order; they take effect when it is over. */
  observe(event: TransferEvent): void {
    const held = this.#instant.isOver(event) ? this.#instant.take() : [];
    this.#instant.hold(event);
    applyEach(held, (each) => this.#apply(each));
  }

  #takeEffect(): void {
    applyEach(this.#instant.take(), (event) => this.#apply(event));
  }

  #apply(event: TransferEvent): void {
    const nowMs = this.#clock.read(event.atMs);
    this.#decide(nowMs);
    switch (event.type) {
      case "connection-opened":
        return this.#connectionOpened(event, nowMs);
      case "connection-closed":
        return this.#connectionClosed(event, nowMs);
      case "started":
        return this.#started(event, nowMs);
      case "responded":
        return this.#responded(event, nowMs);
      case "finished":
      case "failed":
        return this.#ended(event, nowMs);
      case "token-answered":
        return noteTokenRefusal(this.#pulls.askedBy(event), event, nowMs);
      case "upstream-exchanged":
      case "upstream-repeated":
      case "circuit-changed":
      case "refused":
        return undefined;
    }
  }

  /** Tells the time: decides which pulls are over by now. */
  advance(nowMs: number): void {
    this.#takeEffect();
    this.#decide(this.#clock.read(nowMs));
  }

  /** Observes every live pull as it is. For the end of the process. */
  flush(nowMs: number): void {
    this.#takeEffect();
    const atMs = this.#clock.read(nowMs);
    this.#decide(atMs);
    for (const pull of this.#pulls) this.#pulls.finish(pull, "flushed", atMs);
  }

  /** True while there is nothing that `advance` could decide, however late it is. */
  get isAtRest(): boolean {
    return this.#instant.isEmpty && this.#pulls.isEmpty && this.#clients.isEmpty && this.#transfers.hasNoOrphans;
  }

  /** True while some pull may still ask for something. */
  isAnyUnderWay(): boolean {
    this.#takeEffect();
    return this.#pulls.isAnyUnderWay();
  }

  /** True if a pull of this repository is not over. */
  isUnderWay(registry: string, repository: string): boolean {
    this.#takeEffect();
    return this.#pulls.isUnderWay(registry, repository);
  }

  /** The pulls that are not over, oldest first. */
  live(): readonly LivePull[] {
    this.#takeEffect();
    return [...this.#pulls].filter((pull) => pull.announced).map(toLivePull);
  }

  /** When the oldest pull that is not over began. */
  oldestStartMs(): number | undefined {
    for (const pull of this.#pulls) if (pull.announced) return pull.startMs;
    return undefined;
  }

  #connectionOpened(event: ConnectionOpened, nowMs: number): void {
    if (!this.#connections.open(event.connection, nowMs, event.peerProcess)) this.#hit("connections");
  }

  #connectionClosed(event: ConnectionClosed, nowMs: number): void {
    const connection = this.#connections.get(event.connection);
    if (connection === undefined) return;
    this.#connections.close(connection);
    this.#transfers.closed(connection, nowMs + this.#settings.closedGraceMs);
    const { client, pull } = connection;
    if (client !== undefined) {
      client.sawClose = true;
      if (client.behaviour.holdsConnections) this.#unclaimed(client.pings.withdraw(connection.id));
    }
    if (pull === undefined || !pull.isLive || !pull.connections.has(connection)) return;
    pull.openConnections -= 1;
    pull.lastCloseMs = nowMs;
    this.#pulls.schedule(pull, nowMs);
  }

  #started(event: TransferStarted, nowMs: number): void {
    if (this.#transfers.get(event.transfer) !== undefined) return;
    const connection = this.#connectionOf(event, nowMs);
    if (mayConcernPull(event)) this.#dispatch(event, connection, this.#clientOf(event, connection, nowMs), nowMs);
    else this.#unassigned(event, "other");
    connection.requests += 1;
    this.#boundTransfers(nowMs);
  }

  #clientOf(event: TransferStarted, connection: Connection, nowMs: number): Client {
    const { client, evicted } = this.#clients.find(event, connection.peerProcess, nowMs);
    connection.client = client;
    if (evicted === undefined) return client;
    this.#hit("clients");
    for (const pull of evicted.pulls) this.#pulls.finish(pull, "dropped", nowMs);
    this.#unclaimed(evicted.pings);
    return client;
  }

  #dispatch(event: TransferStarted, connection: Connection, client: Client, nowMs: number): void {
    const { route, method } = event;
    if (route.kind === "ping" && isRead(method)) return this.#pinged(event, client, connection, nowMs);
    const request: PullRequest = {
      event,
      client,
      repository: "repository" in route ? `${event.registry}/${route.repository}` : "",
      reference: referenceOf(event),
      connection,
      carried: event.forwarded || connection.pull?.isLive !== true ? undefined : connection.pull,
      nowMs,
      settings: this.#settings,
    };
    const assignment = assign(request);
    const isWrite = assignment.kind === "none" && assignment.reason === "push" && !isRead(method);
    if (isWrite) this.#pushed(request, connection);
    this.#assigned(request, connection, assignment);
  }

  #assigned(request: PullRequest, connection: Connection, assignment: Assignment): void {
    const { event, nowMs } = request;
    switch (assignment.kind) {
      case "none":
        return this.#unassigned(event, assignment.reason);
      case "bind":
        return this.#bind(assignment.pull, request, connection);
      case "retry":
        assignment.pull.beginAgain();
        if (assignment.ping !== undefined) this.#claim(assignment.ping, assignment.pull, connection);
        return this.#bind(assignment.pull, request, connection);
      case "open": {
        const pull = this.#open(request, assignment.ping, connection.peerProcess);
        if (assignment.ping !== undefined) this.#claim(assignment.ping, pull, connection);
        this.#bind(pull, request, connection);
        if (!this.#pulls.bound(nowMs)) this.#hit("pulls");
        return undefined;
      }
    }
  }

  #open(request: PullRequest, ping: AnsweredPing | undefined, peerProcess: number | undefined): Pull {
    const startMs = ping?.startMs ?? request.nowMs;
    const id = pullId(startMs, this.#opened, this.#idSuffix);
    const pull = newPull(request, { id, startMs, peerProcess, order: this.#opened });
    this.#opened += 1;
    this.#pulls.add(pull);
    return pull;
  }

  #claim(ping: AnsweredPing, pull: Pull, connection: Connection): void {
    pull.client.pings.claim(ping, this.#clock.lastMs);
    pull.claim(ping);
    if (pull.transfers.length < this.#settings.maxTransfersPerPull) pull.transfers.push(ping.transfer);
    if (ping.connection === connection.id) carry(connection, pull, this.#settings.maxConnectionsPerPull);
  }

  #bind(pull: Pull, request: PullRequest, connection: Connection): void {
    const { event, nowMs } = request;
    if (!event.forwarded && !carry(connection, pull, this.#settings.maxConnectionsPerPull)) this.#hit("connections");
    const transfer = begin(this.#ledger, pull, event, newTransfer(event, pull.client, connection, nowMs));
    if (transfer.content !== undefined && isRequestedLayer(pull, transfer.content)) this.#pulls.announce(pull);
    this.#transfers.add(transfer);
    if (event.method === "GET") connection.fetched = true;
    this.#pulls.schedule(pull, nowMs);
  }

  #pinged(event: TransferStarted, client: Client, connection: Connection, nowMs: number): void {
    const ping = toPing(event, nowMs);
    client.pings.add(ping);
    if (client.pings.size > this.#settings.maxPings) {
      this.#hit("pings");
      const oldest = client.pings.removeOldest();
      if (oldest !== undefined) this.#unclaimed([oldest]);
    }
    this.#transfers.add({ ...newTransfer(event, client, connection, nowMs), purpose: "ping", ping });
    this.#clients.wake(client, nowMs + this.#settings.pingClaimMs);
  }

  #pushed({ event, client, repository, nowMs }: PullRequest, connection: Connection): void {
    this.#clients.markPushing(client, repository, nowMs);
    this.#transfers.add({ ...newTransfer(event, client, connection, nowMs), pushedTo: repository });
  }

  #responded(event: ResponseStarted, nowMs: number): void {
    const transfer = this.#transfers.get(event.transfer);
    if (transfer !== undefined) respond(transfer, event, nowMs);
  }

  #ended(event: TransferFinished | TransferFailed, nowMs: number): void {
    const transfer = this.#transfers.take(event.transfer, nowMs);
    if (transfer === undefined) return;
    if (transfer.ping !== undefined) this.#pingEnded(transfer, transfer.ping, event, nowMs);
    const { client, pull, pushedTo, status } = transfer;
    if (pushedTo !== undefined && isTurnedDown(status)) client.endPushing(pushedTo);
    if (pull?.isLive !== true) return;
    end(this.#ledger, transfer, event, nowMs);
    if (isRefused(pull)) this.#clients.noteSpare(pull.client);
    if (transfer.content !== undefined && isRequestedLayer(pull, transfer.content)) this.#pulls.announce(pull);
    this.#pulls.schedule(pull, nowMs);
  }

  #pingEnded(transfer: Transfer, ping: Ping, event: TransferFinished | TransferFailed, nowMs: number): void {
    const isAnswered = event.type === "finished" && transfer.status !== undefined && transfer.status < 500;
    if (isAnswered) {
      transfer.client.pings.answer(ping, nowMs, transfer.status === 401);
      this.#clients.wake(transfer.client, nowMs + this.#settings.pingClaimMs);
    } else if (transfer.client.pings.fail(ping)) {
      this.#unclaimed([ping]);
    }
  }

  /** Decides everything that is due. */
  #decide(nowMs: number): void {
    this.#expireOrphans(nowMs);
    this.#pulls.decide(nowMs);
    this.#unclaimed(this.#clients.expire(nowMs));
  }

  /** Requests of a closed connection whose end was never reported. */
  #expireOrphans(nowMs: number): void {
    for (const { transfer, dueMs } of this.#transfers.takeOverdue(nowMs)) {
      this.#ended({ type: "failed", atMs: nowMs, transfer, bytes: 0, failure: "client_aborted" }, dueMs);
    }
  }

  #boundTransfers(nowMs: number): void {
    if (this.#transfers.size <= this.#settings.maxOpenTransfers) return;
    this.#hit("transfers");
    const oldest = this.#transfers.oldest();
    if (oldest !== undefined) {
      this.#ended({ type: "failed", atMs: nowMs, transfer: oldest, bytes: 0, failure: "proxy" }, nowMs);
    }
  }

  /** A connection whose opening was not seen is known from its first request on. */
  #connectionOf(event: TransferStarted, nowMs: number): Connection {
    const known = this.#connections.get(event.connection);
    if (known !== undefined) return known;
    if (!this.#connections.open(event.connection, nowMs)) this.#hit("connections");
    return this.#connections.get(event.connection) ?? detached(event.connection, nowMs);
  }

  #unassigned(event: TransferStarted, reason: UnassignedReason): void {
    this.#report({ type: "unassigned", reason, registry: event.registry });
  }

  #unclaimed(pings: readonly Ping[]): void {
    for (const ping of pings) this.#report({ type: "unassigned", reason: "unclaimed_ping", registry: ping.registry });
  }

  #hit(bound: Bound): void {
    this.#report({ type: "bound-hit", bound });
  }
}
