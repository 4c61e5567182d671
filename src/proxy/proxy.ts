import type { LookupFunction } from "node:net";
import type { Protection } from "../access/protection.ts";
import type { Observer } from "../pull/transfer-event.ts";
import type { RegistrableDomain } from "../upstream/token-realm.ts";
import type { FindUpstream } from "../upstream/upstream.ts";
import type { UpstreamSettings } from "../upstream/upstream-settings.ts";
import type { ClientServerSettings } from "./client-server.ts";
import type { PullsUnderWay } from "./draining.ts";
import type { BoundListener, Listener } from "./listener.ts";
import type { LabelHeaders } from "./request-facts.ts";

// What the data plane is told, and what it can be told to do. `server.ts` makes it.

export interface ProxySettings extends UpstreamSettings, ClientServerSettings {
  /** For the head of a client's request; slower clients are cut off. */
  readonly clientHeadTimeoutMs: number;
  /** How long a client may keep an idle connection. Longer than clients do, so that it is they who close it. */
  readonly keepAliveTimeoutMs: number;
  /** Without a byte of a request's body; silent clients are cut off. */
  readonly clientBodyTimeoutMs: number;
  /** Connections of clients on all listeners together. */
  readonly maxConnections: number;
  /** Requests that are handled at once. */
  readonly maxTransfers: number;
  /** Lower-case names of the request headers that set labels. */
  readonly labelHeaders: LabelHeaders;
}

/** What a reload can replace. */
export interface ProxyRules {
  /** Those that are not bound, by name, are left out. Of the others name, address, registry and protection stay. */
  readonly listeners: readonly Listener[];
  readonly findUpstream: FindUpstream;
  /** But for the limits: `maxHeadBytes` of clients' requests, `maxConnections` and `maxTransfers`. */
  readonly settings?: Partial<ProxySettings>;
  /** Tells whether a token service belongs to its registry; present where some listener or upstream relays tokens. */
  readonly tokenRelay?: { readonly domainOf: RegistrableDomain };
}

export interface ProxyOptions extends ProxyRules {
  readonly observe: Observer;
  readonly now: () => number;
  /** How names of upstreams are resolved. Default: as the system does. */
  readonly lookup?: LookupFunction;
}

export interface Proxy {
  /** Binds every listener, or none. Rejects with what the system says of the first that cannot be bound. */
  listen(): Promise<BoundListener[]>;
  /** From now on a listener is protected like this. Connections and transfers that are there stay. */
  protect(listener: string, protection: Protection): void;
  /** Takes other rules for all requests from now on. Those that run end by the rules under which they began. */
  reload(rules: ProxyRules): void;
  /**
   * Refuses what would begin a pull, serves what is under way, new connections included, for up to `timeoutMs`, and
   * closes. `pulls` tells what is under way beside the running transfers. Default: nothing.
   */
  drain(timeoutMs: number, pulls?: PullsUnderWay): Promise<void>;
  /** Ends everything at once. May be called twice. */
  close(): Promise<void>;
}

export const DEFAULT_PROXY_SETTINGS: ProxySettings = {
  connectTimeoutMs: 5_000,
  tlsTimeoutMs: 10_000,
  headTimeoutMs: 20_000,
  answerTimeoutMs: 28_000,
  resumeTimeoutMs: 30_000,
  stallTimeoutMs: 60_000,
  // 64 KiB: bearer tokens of some services exceed the 16 KiB that Node.js takes.
  maxHeadBytes: 65_536,
  clientHeadTimeoutMs: 15_000,
  // Go's clients keep idle connections for 90 s.
  keepAliveTimeoutMs: 120_000,
  clientBodyTimeoutMs: 60_000,
  maxConnections: 10_000,
  maxTransfers: 2_000,
  labelHeaders: { isolation: "x-pullmeter-isolation", trigger: "x-pullmeter-trigger" },
};
