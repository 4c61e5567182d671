import { assign, isRead } from "./assign-request.ts";
import type { Assignment } from "./assign.ts";
import type { PullRequest } from "./candidates.ts";
import type { Client } from "./client.ts";
import type { Clients } from "./clients.ts";
import { carry, type Connection } from "./connections.ts";
import { isRequestedLayer } from "./finish.ts";
import type { Ledger } from "./learn.ts";
import type { LivePulls } from "./live-pulls.ts";
import { newPull } from "./new-pull.ts";
import type { OpenTransfers } from "./open-transfers.ts";
import { toPing, type AnsweredPing } from "./pings.ts";
import { pullId } from "./pull-id.ts";
import type { Pull } from "./pull.ts";
import type { Reports } from "./reports.ts";
import { begin, referenceOf } from "./requests.ts";
import type { TrackerSettings } from "./settings.ts";
import type { TransferStarted } from "./transfer-event.ts";
import { newTransfer } from "./transfer.ts";

/** All that the tracker knows, and who is told. */
export interface Books {
  readonly settings: TrackerSettings;
  readonly ledger: Ledger;
  readonly clients: Clients;
  readonly transfers: OpenTransfers;
  readonly pulls: LivePulls;
  readonly reports: Reports;
  /** Ends the id of each pull. */
  readonly idSuffix: string;
}

/** Brings each request to its pull, or to none. */
export class Dispatcher {
  readonly #books: Books;
  #opened = 0;

  constructor(books: Books) {
    this.#books = books;
  }

  /** Takes in a request that may belong to a pull. */
  dispatch(event: TransferStarted, connection: Connection, nowMs: number): void {
    const client = this.#clientOf(event, connection, nowMs);
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
      settings: this.#books.settings,
    };
    const assignment = assign(request);
    const isWrite = assignment.kind === "none" && assignment.reason === "push" && !isRead(method);
    if (isWrite) this.#pushed(request);
    this.#assigned(request, assignment);
  }

  #assigned(request: PullRequest, assignment: Assignment): void {
    const { connection, event, nowMs } = request;
    switch (assignment.kind) {
      case "none":
        return this.#books.reports.unassigned(event.registry, assignment.reason);
      case "bind":
        return this.#bind(assignment.pull, request);
      case "retry":
        assignment.pull.beginAgain();
        if (assignment.ping !== undefined) this.#claim(assignment.ping, assignment.pull, request);
        return this.#bind(assignment.pull, request);
      case "open": {
        const pull = this.#open(request, assignment.ping, connection.peerProcess);
        if (assignment.ping !== undefined) this.#claim(assignment.ping, pull, request);
        this.#bind(pull, request);
        if (!this.#books.pulls.bound(nowMs)) this.#books.reports.hit("pulls");
        return undefined;
      }
    }
  }

  #open(request: PullRequest, ping: AnsweredPing | undefined, peerProcess: number | undefined): Pull {
    const startMs = ping?.startMs ?? request.nowMs;
    const id = pullId(startMs, this.#opened, this.#books.idSuffix);
    const pull = newPull(request, { id, startMs, peerProcess, order: this.#opened });
    this.#opened += 1;
    this.#books.pulls.add(pull);
    return pull;
  }

  #claim(ping: AnsweredPing, pull: Pull, { connection, nowMs }: PullRequest): void {
    pull.client.pings.claim(ping, nowMs);
    pull.claim(ping);
    if (pull.transfers.length < this.#books.settings.maxTransfersPerPull) pull.transfers.push(ping.transfer);
    if (ping.connection === connection.id) carry(connection, pull, this.#books.settings.maxConnectionsPerPull);
  }

  #bind(pull: Pull, { connection, event, nowMs }: PullRequest): void {
    if (!event.forwarded && !carry(connection, pull, this.#books.settings.maxConnectionsPerPull))
      this.#books.reports.hit("connections");
    const transfer = begin(this.#books.ledger, pull, event, newTransfer(event, pull.client, connection, nowMs));
    if (transfer.content !== undefined && isRequestedLayer(pull, transfer.content)) this.#books.pulls.announce(pull);
    this.#books.transfers.add(transfer);
    if (event.method === "GET") connection.fetched = true;
    this.#books.pulls.schedule(pull, nowMs);
  }

  #pinged(event: TransferStarted, client: Client, connection: Connection, nowMs: number): void {
    const ping = toPing(event, nowMs);
    client.pings.add(ping);
    if (client.pings.size > this.#books.settings.maxPings) {
      this.#books.reports.hit("pings");
      const oldest = client.pings.removeOldest();
      if (oldest !== undefined) this.#books.reports.unclaimed([oldest]);
    }
    this.#books.transfers.add({ ...newTransfer(event, client, connection, nowMs), purpose: "ping", ping });
    this.#books.clients.wake(client, nowMs + this.#books.settings.pingClaimMs);
  }

  #pushed({ client, connection, event, nowMs, repository }: PullRequest): void {
    this.#books.clients.markPushing(client, repository, nowMs);
    this.#books.transfers.add({ ...newTransfer(event, client, connection, nowMs), pushedTo: repository });
  }

  #clientOf(event: TransferStarted, connection: Connection, nowMs: number): Client {
    const { client, evicted } = this.#books.clients.find(event, connection.peerProcess, nowMs);
    connection.client = client;
    if (evicted === undefined) return client;
    this.#books.reports.hit("clients");
    for (const pull of evicted.pulls) this.#books.pulls.finish(pull, "dropped", nowMs);
    this.#books.reports.unclaimed(evicted.pings);
    return client;
  }
}
