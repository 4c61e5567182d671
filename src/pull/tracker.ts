import { end, respond } from "./answers.ts";
import { mayConcernPull } from "./assign-request.ts";
import { Clients } from "./clients.ts";
import { Connections, detached, type Connection } from "./connections.ts";
import { Dispatcher } from "./dispatcher.ts";
import { isRefused } from "./eviction-order.ts";
import { isRequestedLayer, toLivePull } from "./finish.ts";
import type { Ledger } from "./learn.ts";
import { LivePulls } from "./live-pulls.ts";
import { ManifestCache } from "./manifest-cache.ts";
import { MonotonicClock } from "./monotonic-clock.ts";
import { OpenTransfers } from "./open-transfers.ts";
import type { Ping } from "./pings.ts";
import type { LivePull } from "./pull-event.ts";
import { Reports } from "./reports.ts";
import { applyEach, SameInstant } from "./same-instant.ts";
import { DEFAULT_SETTINGS, type TrackerSettings } from "./settings.ts";
import { noteTokenRefusal } from "./token-refusal.ts";
import type { TrackerOptions } from "./tracker-options.ts";
import { isTurnedDown, type Transfer } from "./transfer.ts";
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
  readonly #reports: Reports;
  readonly #settings: TrackerSettings;
  readonly #ledger: Ledger;
  readonly #clock: MonotonicClock;
  readonly #instant = new SameInstant();
  readonly #connections: Connections;
  readonly #clients: Clients;
  readonly #transfers = new OpenTransfers();
  readonly #pulls: LivePulls;
  readonly #dispatcher: Dispatcher;

  constructor(options: TrackerOptions) {
    this.#reports = new Reports(options.report);
    this.#settings = { ...DEFAULT_SETTINGS, ...options.settings };
    this.#clock = new MonotonicClock(this.#settings.clockSlackMs);
    this.#connections = new Connections(this.#settings.maxConnections);
    this.#clients = new Clients(this.#settings);
    this.#pulls = new LivePulls(options.report, this.#settings, ({ client }) => {
      this.#clients.noteSpare(client);
      this.#clients.wake(client, this.#clock.lastMs);
    });
    this.#ledger = {
      settings: this.#settings,
      manifests: new ManifestCache(this.#settings),
      manifestEvicted: () => this.#reports.hit("manifests"),
      blobRefused: () => this.#reports.hit("blobs"),
    };
    this.#dispatcher = new Dispatcher({
      settings: this.#settings,
      ledger: this.#ledger,
      clients: this.#clients,
      transfers: this.#transfers,
      pulls: this.#pulls,
      reports: this.#reports,
      idSuffix: options.idSuffix ?? "",
    });
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
    if (!this.#connections.open(event.connection, nowMs, event.peerProcess)) this.#reports.hit("connections");
  }

  #connectionClosed(event: ConnectionClosed, nowMs: number): void {
    const connection = this.#connections.get(event.connection);
    if (connection === undefined) return;
    this.#connections.close(connection);
    this.#transfers.closed(connection, nowMs + this.#settings.closedGraceMs);
    const { client, pull } = connection;
    if (client !== undefined) {
      client.sawClose = true;
      if (client.behaviour.holdsConnections) this.#reports.unclaimed(client.pings.withdraw(connection.id));
    }
    if (pull === undefined || !pull.isLive || !pull.connections.has(connection)) return;
    pull.openConnections -= 1;
    pull.lastCloseMs = nowMs;
    this.#pulls.schedule(pull, nowMs);
  }

  #started(event: TransferStarted, nowMs: number): void {
    if (this.#transfers.get(event.transfer) !== undefined) return;
    const connection = this.#connectionOf(event, nowMs);
    if (mayConcernPull(event)) this.#dispatcher.dispatch(event, connection, nowMs);
    else this.#reports.unassigned(event.registry, "other");
    connection.requests += 1;
    this.#boundTransfers(nowMs);
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
      this.#reports.unclaimed([ping]);
    }
  }

  /** Decides everything that is due. */
  #decide(nowMs: number): void {
    this.#expireOrphans(nowMs);
    this.#pulls.decide(nowMs);
    this.#reports.unclaimed(this.#clients.expire(nowMs));
  }

  /** Requests of a closed connection whose end was never reported. */
  #expireOrphans(nowMs: number): void {
    for (const { transfer, dueMs } of this.#transfers.takeOverdue(nowMs)) {
      this.#ended({ type: "failed", atMs: nowMs, transfer, bytes: 0, failure: "client_aborted" }, dueMs);
    }
  }

  #boundTransfers(nowMs: number): void {
    if (this.#transfers.size <= this.#settings.maxOpenTransfers) return;
    this.#reports.hit("transfers");
    const oldest = this.#transfers.oldest();
    if (oldest !== undefined) {
      this.#ended({ type: "failed", atMs: nowMs, transfer: oldest, bytes: 0, failure: "proxy" }, nowMs);
    }
  }

  /** A connection whose opening was not seen is known from its first request on. */
  #connectionOf(event: TransferStarted, nowMs: number): Connection {
    const known = this.#connections.get(event.connection);
    if (known !== undefined) return known;
    if (!this.#connections.open(event.connection, nowMs)) this.#reports.hit("connections");
    return this.#connections.get(event.connection) ?? detached(event.connection, nowMs);
  }
}
