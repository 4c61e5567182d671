import { productOf, readBehaviour } from "./client-behaviour.ts";
import { Client } from "./client.ts";
import { Deliveries } from "./deliveries.ts";
import { Deadlines } from "./deadlines.ts";
import { EvictionOrder } from "./eviction-order.ts";
import type { Ping } from "./pings.ts";
import type { Pull } from "./pull.ts";
import type { TrackerSettings } from "./settings.ts";
import type { TransferStarted } from "./transfer-event.ts";

/** Machines whose deliveries are remembered. */
const MAX_MACHINES = 256;

/** What went with a client that had to make room. */
export interface Evicted {
  readonly pulls: readonly Pull[];
  readonly pings: readonly Ping[];
}

/** The clients that have a live pull, an unclaimed ping or a push. */
export class Clients {
  /** Least recently heard of first. */
  readonly #byKey = new Map<string, Client>();
  readonly #evictionOrder = new EvictionOrder();
  readonly #deliveries = new Map<string, Deliveries>();
  readonly #settings: TrackerSettings;
  /** When to look whether a client has something to forget. */
  readonly #wakes = new Deadlines<Client>();

  constructor(settings: TrackerSettings) {
    this.#settings = settings;
  }

  get isEmpty(): boolean {
    return this.#byKey.size === 0;
  }

  /** The client that sent a request, and what the one had that had to go to make room. */
  find(
    event: TransferStarted,
    peerProcess: number | undefined,
    nowMs: number,
  ): { readonly client: Client; readonly evicted?: Evicted } {
    const behaviour = readBehaviour(event.userAgent, event.keepAlive);
    const isOneProcess = behaviour.processId === "exact" && peerProcess !== undefined && !event.forwarded;
    const program = `${productOf(event.userAgent)} ${behaviour.holdsConnections ? "holds" : ""}`;
    const key = `${event.listener} ${event.remoteAddress} ${program} ${isOneProcess ? peerProcess : ""}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      this.#byKey.delete(key);
      this.#byKey.set(key, known);
      return { client: known };
    }
    const settings = this.#settings;
    const address = event.remoteAddress;
    const deliveries = this.#deliveriesOf(`${address} ${behaviour.family}`);
    const client = new Client({ key, address, behaviour, isOneProcess, deliveries, settings, nowMs });
    this.#byKey.set(key, client);
    this.#evictionOrder.note(client);
    this.wake(client, nowMs + settings.pingClaimMs);
    const evicted = this.#byKey.size > settings.maxClients ? this.#evict(client) : undefined;
    return { client, ...(evicted && { evicted }) };
  }

  markPushing(client: Client, repository: string, nowMs: number): void {
    const untilMs = nowMs + this.#settings.pushQuietMs;
    client.markPushing(repository, untilMs);
    this.wake(client, untilMs);
  }

  /** A pull of the client ended, or is not worth more than none. */
  noteSpare(client: Client): void {
    if (this.#byKey.get(client.key) === client) this.#evictionOrder.note(client);
  }

  /** Looks at the client again at that time. */
  wake(client: Client, atMs: number): void {
    this.#wakes.bringForward(client, atMs);
  }

  /** Forgets idle clients. Returns the pings that nobody will claim. */
  expire(nowMs: number): readonly Ping[] {
    const expired: Ping[] = [];
    for (let due = this.#wakes.pop(nowMs); due !== undefined; due = this.#wakes.pop(nowMs)) {
      const client = due.item;
      if (this.#byKey.get(client.key) !== client) continue;
      expired.push(...client.pings.expire(nowMs));
      if (client.isIdle(nowMs)) this.#forget(client);
      else if (client.pulls.size === 0) this.wake(client, nowMs + this.#settings.pingClaimMs);
    }
    return expired;
  }

  #deliveriesOf(machine: string): Deliveries {
    const deliveries = this.#deliveries.get(machine) ?? new Deliveries();
    this.#deliveries.delete(machine);
    this.#deliveries.set(machine, deliveries);
    const [oldest] = this.#deliveries.keys();
    if (this.#deliveries.size > MAX_MACHINES && oldest !== undefined) this.#deliveries.delete(oldest);
    return deliveries;
  }

  #evict(newest: Client): Evicted | undefined {
    const [oldest] = this.#byKey.values();
    const client = this.#evictionOrder.first(newest) ?? oldest;
    if (client === undefined || client === newest) return undefined;
    this.#forget(client);
    return { pulls: [...client.pulls], pings: client.pings.clear() };
  }

  #forget(client: Client): void {
    this.#byKey.delete(client.key);
    this.#evictionOrder.forget(client);
    this.#wakes.delete(client);
  }
}
