import { lookup as dnsLookup } from "node:dns";
import type { Agent as HttpAgent } from "node:http";
import type { LookupFunction } from "node:net";
import { Connections } from "./connections.ts";
import { exchange, type UpstreamResponse } from "./exchange.ts";
import { isLostConnection } from "./lost-connection.ts";
import { isSameOrigin, nextHop, redirectLocation, type Hop } from "./redirect.ts";
import type { Upstream } from "./upstream.ts";
import { toUpstreamError, UpstreamError } from "./upstream-error.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

/** What the client asked for, with the headers that go on to the registry (no Host, nothing hop-by-hop). */
export interface UpstreamRequest {
  /** POST: for a token; not sent again to where it is redirected. */
  readonly method: "GET" | "HEAD" | "POST";
  readonly body?: Buffer;
  readonly path: string;
  readonly headers: readonly string[];
  readonly redirects: Upstream["redirects"];
  readonly signal: AbortSignal;
  /** Told once for each request that was sent or could not be. */
  readonly onExchange: (host: string, outcome: number | UpstreamError, startedMs: number) => void;
}

export interface UpstreamClientOptions {
  readonly settings: UpstreamSettings;
  readonly now: () => number;
  /** How names are resolved. Default: as the system does. */
  readonly lookup?: LookupFunction;
}

/** 10, as many as clients allow (Go's net/http). */
const MAX_REDIRECTS = 10;

/** Asks registries, and follows where they send. Every attempt of a request is decided here: so would be a retry. */
export class UpstreamClient {
  readonly #settings: UpstreamSettings;
  readonly #now: () => number;
  readonly #connections: Connections;

  constructor({ settings, now, lookup = dnsLookup }: UpstreamClientOptions) {
    this.#settings = settings;
    this.#now = now;
    this.#connections = new Connections(settings, lookup);
  }

  /** Resolves with the head of the final response; its body waits. Rejects with an UpstreamError. */
  async fetch(upstream: Upstream, request: UpstreamRequest): Promise<UpstreamResponse> {
    const deadlineMs = this.#now() + this.#settings.connectTimeoutMs + this.#settings.headTimeoutMs;
    const seen = new Set<string>();
    let hop: Hop = { origin: upstream.origin, path: request.path };
    let { headers } = request;
    for (;;) {
      seen.add(`${hop.origin.origin}${hop.path}`);
      const response = await this.#ask(upstream, hop, { ...request, headers }, deadlineMs);
      const location = redirectLocation(response.status, response.headers);
      if (request.redirects === "pass" || location === undefined) {
        const isRegistry = hop.origin.origin === upstream.origin.origin;
        return isRegistry ? response : { ...response, headers: without(OF_THE_REGISTRY, response.headers) };
      }
      response.body.discard();
      const next = nextHop(hop, location);
      if (seen.has(`${next.origin.origin}${next.path}`) || seen.size > MAX_REDIRECTS) {
        throw new UpstreamError(
          "proxy",
          `${hop.origin.host}: it redirects in a loop, or more than ${MAX_REDIRECTS} times`,
        );
      }
      if (!isSameOrigin(hop, next)) headers = without(SECRETS, headers);
      hop = next;
    }
  }

  /** The agent for requests to the registry itself that go another way than `fetch`. */
  agentFor(upstream: Upstream): HttpAgent {
    return this.#connections.agent(upstream);
  }

  /** Cuts all connections. */
  close(): Promise<void> {
    return this.#connections.close();
  }

  /** Asks once, and once more when the connection was lost before it brought a response. */
  async #ask(upstream: Upstream, hop: Hop, request: UpstreamRequest, deadlineMs: number): Promise<UpstreamResponse> {
    try {
      return await this.#attempt(upstream, hop, request, deadlineMs);
    } catch (error) {
      const failure = toUpstreamError(error, hop.origin.host);
      if (!isLostConnection(failure) || request.body !== undefined || request.signal.aborted) throw failure;
      return this.#attempt(upstream, hop, request, deadlineMs);
    }
  }

  async #attempt(
    upstream: Upstream,
    hop: Hop,
    request: UpstreamRequest,
    deadlineMs: number,
  ): Promise<UpstreamResponse> {
    const startedMs = this.#now();
    const { host } = hop.origin;
    try {
      const route = this.#connections.route(upstream, hop);
      const response = await exchange({
        ...route,
        method: request.method,
        ...(request.body !== undefined && { body: request.body }),
        headers: ["Host", host, ...request.headers, ...route.headers],
        signal: request.signal,
        headTimeoutMs: Math.max(0, deadlineMs - startedMs),
      });
      request.onExchange(host, response.status, startedMs);
      return { ...response, host };
    } catch (error) {
      const failure = toUpstreamError(error, host);
      request.onExchange(host, failure, startedMs);
      throw failure;
    }
  }
}

/** RFC 9110 §15.4: what was meant for one origin stays there, also when a later hop leads back. */
const SECRETS = new Set(["authorization", "cookie", "cookie2"]);

/**
 * To a client all responses are the registry's. A challenge of another origin would make it send the registry's
 * credentials to whatever realm that origin names (CVE-2020-15157); a cookie would go to the registry.
 */
const OF_THE_REGISTRY = new Set(["www-authenticate", "set-cookie", "set-cookie2"]);

function without(names: ReadonlySet<string>, headers: readonly string[]): string[] {
  return headers.filter((_, i) => !names.has(headers[i - (i % 2)]?.toLowerCase() ?? ""));
}
