import { Agent as HttpsAgent } from "node:https";
import { isIPv6, type LookupFunction, type Socket } from "node:net";
import { callbackify } from "node:util";
import type { Agent, Dispatcher } from "undici";
import { Agent as HttpAgent } from "../node-http.ts";
import { BlobTransport } from "./blob-transport.ts";
import { createConnector, type Dial } from "./connect.ts";
import { checkHost } from "./guard.ts";
import { IDLE_TIMEOUT_MS } from "./idle-connections.ts";
import { proxyAuthorization } from "./proxy-authorization.ts";
import type { Hop } from "./redirect.ts";
import { TlsTrust } from "./tls-trust.ts";
import type { Upstream } from "./upstream.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

/** How to send a request for a hop. `headers` are to be added for the proxy on the way. */
export interface RouteToHop extends Hop {
  readonly dispatcher: Dispatcher;
  readonly headers: readonly string[];
}

/**
 * All connections to the outside, pooled by origin and by the rules under which they were opened: a connection that
 * one registry may have to a private host serves no other registry.
 */
export class Connections {
  readonly #settings: UpstreamSettings;
  readonly #open: Open;
  /** The fast way, for hops without a proxy. */
  readonly blobs: BlobTransport;
  readonly #pools = new Map<string, Agent>();
  readonly #agents = new Map<string, HttpAgent>();
  readonly #dials = new WeakMap<Upstream, Omit<Dial, "proxy">>();

  constructor(settings: UpstreamSettings, lookup: LookupFunction) {
    this.#settings = settings;
    const connect = createConnector({ ...settings, lookup, trust: new TlsTrust() });
    this.#open = callbackify(connect);
    this.blobs = new BlobTransport({ ...settings, connect });
  }

  /**
   * Rejects with an UpstreamError if the hop is refused before anything is connected. `fresh`: on a connection of its
   * own, because one from the pool was lost.
   */
  async route(upstream: Upstream, hop: Hop, fresh = false): Promise<RouteToHop> {
    const { ca, proxy } = upstream;
    const allowPrivate = mayBePrivate(upstream, hop.origin);
    // RFC 9112 §3.2.2: through a proxy, plain http is asked for by its absolute URL; there is no tunnel.
    if (proxy !== undefined && hop.origin.protocol === "http:") {
      const refusal = checkHost(hop.origin.hostname, allowPrivate);
      if (refusal !== undefined) throw refusal;
      const authorization = proxyAuthorization(proxy);
      return {
        origin: proxy,
        path: `${hop.origin.origin}${hop.path}`,
        dispatcher: await this.#pool({ allowPrivate: true, ...(ca !== undefined && { ca }) }, fresh),
        headers: authorization === undefined ? [] : ["Proxy-Authorization", authorization],
      };
    }
    return { ...hop, dispatcher: await this.#pool({ ...rulesOf(upstream), allowPrivate }, fresh), headers: [] };
  }

  /** How `blobs` reaches the hop; undefined where it cannot. To the registry itself it is one and the same for all requests. */
  dial(upstream: Upstream, { origin }: Hop): Omit<Dial, "proxy"> | undefined {
    if (upstream.proxy !== undefined) return undefined;
    if (origin !== upstream.origin) return dialOf(upstream, origin);
    const known = this.#dials.get(upstream);
    if (known !== undefined) return known;
    const dial = dialOf(upstream, origin);
    this.#dials.set(upstream, dial);
    return dial;
  }

  /** For requests to the registry itself: it is not told where redirects lead. */
  agent(upstream: Upstream): HttpAgent {
    const rules: Rules = { ...rulesOf(upstream), allowPrivate: upstream.allowPrivateAddresses };
    const key = `${upstream.origin.protocol} ${keyOf(rules)}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const agent = createAgent(this.#open, upstream.origin.protocol, rules);
    this.#agents.set(key, agent);
    return agent;
  }

  async close(): Promise<void> {
    for (const agent of this.#agents.values()) agent.destroy();
    await Promise.all([this.blobs.close(), ...[...this.#pools.values()].map((pool) => pool.destroy())]);
    this.#pools.clear();
  }

  /** undici takes a third of the time to start: it is loaded when the first request needs it. */
  async #pool(rules: Rules, fresh: boolean): Promise<Agent> {
    // By its default: bundled, a CommonJS package that is loaded later has no other export.
    const { Agent: Pool } = (await import("undici")).default;
    const key = `${fresh} ${keyOf(rules)}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const pool = new Pool({
      connect: ({ protocol, host, hostname }, callback) => {
        const origin = new URL(`${protocol}//${host ?? hostname}`);
        this.#open({ ...rules, origin }, (error, socket) => (error ? callback(error, null) : callback(null, socket)));
      },
      allowH2: false,
      // 0 closes each connection after its response, so that the next request opens one.
      pipelining: fresh ? 0 : 1,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      // Ours counts from the client's request and over all redirects; see UpstreamClient.
      headersTimeout: 0,
      bodyTimeout: this.#settings.stallTimeoutMs,
      maxHeaderSize: this.#settings.maxHeadBytes,
    });
    this.#pools.set(key, pool);
    return pool;
  }
}

function dialOf(upstream: Upstream, origin: URL): Omit<Dial, "proxy"> {
  const { ca } = upstream;
  return { origin, allowPrivate: mayBePrivate(upstream, origin), ...(ca !== undefined && { ca }) };
}

type Rules = Omit<Dial, "origin">;

function rulesOf({ ca, proxy }: Upstream): Omit<Rules, "allowPrivate"> {
  return { ...(ca !== undefined && { ca }), ...(proxy !== undefined && { proxy }) };
}

function keyOf({ ca = "", proxy, allowPrivate }: Rules): string {
  return `${allowPrivate} ${proxy?.href ?? ""} ${ca}`;
}

/** A registry that may be private keeps that right on its own host, and on those that its configuration names. */
function mayBePrivate(upstream: Upstream, origin: URL): boolean {
  if (upstream.allowPrivateAddresses && origin.hostname === upstream.origin.hostname) return true;
  return upstream.privateRedirectHosts?.includes(origin.hostname) ?? false;
}

type Open = (dial: Dial, callback: (error: NodeJS.ErrnoException | null, socket: Socket) => void) => void;

/** An agent of Node.js whose connections all pass the connector. */
function createAgent(open: Open, protocol: string, rules: Rules): HttpAgent {
  const agent = protocol === "https:" ? new HttpsAgent(AGENT_OPTIONS) : new HttpAgent(AGENT_OPTIONS);
  agent.createConnection = ({ host, port }, callback) => {
    const hostname = isIPv6(host ?? "") ? `[${host}]` : host;
    open({ ...rules, origin: new URL(`${protocol}//${hostname}:${port}`) }, (error, socket) =>
      callback?.(error, socket),
    );
    return undefined;
  };
  return agent;
}

const AGENT_OPTIONS = { keepAlive: true, timeout: IDLE_TIMEOUT_MS } as const;
