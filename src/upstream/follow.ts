import type { Circuits } from "./circuit.ts";
import type { Connections } from "./connections.ts";
import { exchange, type UpstreamResponse } from "./exchange.ts";
import { isLostConnection } from "./lost-connection.ts";
import { HeaderNames, withoutHeaders } from "./raw-headers.ts";
import { isSameOrigin, nextHop, redirectLocation, type Hop } from "./redirect.ts";
import type { Upstream } from "./upstream.ts";
import type { UpstreamRequest } from "./upstream-request.ts";
import { closedByUpstream, couldNotConnect, toUpstreamError, UpstreamError } from "./upstream-error.ts";

/** Where a redirect led. */
export interface Place {
  readonly hop: Hop;
  /** On the way there was another origin, so that it gets no credentials, not even the registry itself. */
  readonly isForeign: boolean;
}

/** The response, and where it came from in the end. */
export interface Followed extends UpstreamResponse {
  /** Undefined: the registry itself answered. */
  readonly place: Place | undefined;
}

export interface FollowerOptions {
  readonly connections: Connections;
  readonly circuits: Circuits;
  readonly now: () => number;
}

/** 10, as many as clients allow (Go's net/http). */
const MAX_REDIRECTS = 10;

/** Makes one attempt at a request: asks, and follows where it is sent. */
export class Follower {
  readonly #options: FollowerOptions;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /**
   * Begins at `from`, or else at the registry, and has the head of the final response by `untilMs`. Rejects with an
   * UpstreamError.
   */
  async follow(
    upstream: Upstream,
    request: UpstreamRequest,
    from: Place | undefined,
    untilMs: number,
  ): Promise<Followed> {
    const registry: Hop = { origin: upstream.origin, path: request.path };
    /** Where it led already: only who is redirected needs to know. */
    let seen: Set<string> | undefined;
    let place = from;
    for (;;) {
      const hop = place?.hop ?? registry;
      const asked =
        place?.isForeign === true ? { ...request, headers: withoutHeaders(request.headers, SECRETS) } : request;
      const response = await this.#ask(upstream, hop, asked, untilMs);
      const location = redirectLocation(response.status, response.headers);
      if (request.redirects === "pass" || location === undefined) {
        const own = isSameOrigin(registry, hop) ? response.headers : withoutHeaders(response.headers, OF_THE_REGISTRY);
        return { ...response, headers: own, place };
      }
      response.body.discard();
      seen ??= new Set();
      seen.add(`${hop.origin.origin}${hop.path}`);
      const next = nextHop(hop, location);
      if (seen.has(`${next.origin.origin}${next.path}`) || seen.size > MAX_REDIRECTS) {
        throw new UpstreamError(
          "proxy",
          `${hop.origin.host}: it redirects in a loop, or more than ${MAX_REDIRECTS} times`,
        );
      }
      place = { hop: next, isForeign: place?.isForeign === true || !isSameOrigin(hop, next) };
    }
  }

  /** Asks one host, and once more, on a connection of its own, when one was lost before it brought a response. */
  async #ask(upstream: Upstream, hop: Hop, request: UpstreamRequest, untilMs: number): Promise<UpstreamResponse> {
    const { circuits, now } = this.#options;
    const { registry } = upstream;
    const { host } = hop.origin;
    for (let fresh = false; ; fresh = true) {
      // After the manifest a client may have nowhere else to go: then every connection is worth a try.
      if (request.delivery === "whole") circuits.enter(registry, host);
      const startedMs = now();
      try {
        const response =
          (await this.#askFast(upstream, hop, request, untilMs)) ??
          (await this.#exchange(upstream, hop, request, { untilMs, fresh }));
        circuits.succeeded(registry, host);
        request.onExchange(host, response.status, startedMs);
        return response.host === host ? response : { ...response, host };
      } catch (error) {
        const failure = toUpstreamError(error, host);
        this.#judge(registry, host, failure);
        request.onExchange(host, failure, startedMs);
        const isWorthMore = !fresh && isLostConnection(failure) && request.body === undefined;
        if (!isWorthMore || request.signal.aborted) throw failure;
      }
    }
  }

  /** Whether a failure says anything of the host. */
  #judge(registry: string, host: string, failure: UpstreamError): void {
    const { circuits } = this.#options;
    if (couldNotConnect(failure)) circuits.failed(registry, host);
    else if (failure.failure === "truncated" || failure.failure === "header_timeout")
      circuits.succeeded(registry, host);
    else circuits.undecided(registry, host);
  }

  /** Undefined where the fast way does not lead, or its answer was of a kind that it does not read. */
  #askFast(
    upstream: Upstream,
    hop: Hop,
    { method, headers, signal }: UpstreamRequest,
    untilMs: number,
  ): Promise<UpstreamResponse | undefined> | undefined {
    const { connections, now } = this.#options;
    const dial = connections.dial(upstream, hop);
    if (dial === undefined || method === "POST") return undefined;
    const all = ["Host", hop.origin.host, ...headers];
    const headTimeoutMs = Math.max(0, untilMs - now());
    return connections.blobs.ask({ dial, path: hop.path, method, headers: all, signal, headTimeoutMs });
  }

  async #exchange(
    upstream: Upstream,
    hop: Hop,
    { method, body, headers, signal }: UpstreamRequest,
    { untilMs, fresh }: { readonly untilMs: number; readonly fresh: boolean },
  ): Promise<UpstreamResponse> {
    const { connections, now } = this.#options;
    const route = await connections.route(upstream, hop, fresh);
    const all = ["Host", hop.origin.host, ...headers, ...route.headers];
    const headTimeoutMs = Math.max(0, untilMs - now());
    const asked = { ...route, method, ...(body !== undefined && { body }), headers: all, signal, headTimeoutMs };
    const response = await exchange(asked);
    if (response.status !== REQUEST_TIMEOUT || fresh || body !== undefined) return response;
    response.body.discard();
    throw toUpstreamError(closedByUpstream(), hop.origin.host);
  }
}

/**
 * RFC 9110 §15.5.9: a server that gives up an idle connection may say so, which crosses with a request. Whether this one
 * was idle nobody tells here: on a connection of its own the answer counts.
 */
const REQUEST_TIMEOUT = 408;

/** RFC 9110 §15.4: what was meant for one origin stays there, also when a later hop leads back. */
const SECRETS = new HeaderNames(["authorization", "cookie", "cookie2"]);

/**
 * To a client all responses are the registry's. A challenge of another origin would make it send the registry's
 * credentials to whatever realm that origin names (CVE-2020-15157); a cookie would go to the registry.
 */
const OF_THE_REGISTRY = new HeaderNames(["www-authenticate", "set-cookie", "set-cookie2"]);
