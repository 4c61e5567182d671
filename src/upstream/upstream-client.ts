import { lookup as dnsLookup } from "node:dns";
import type { Agent as HttpAgent } from "node:http";
import type { LookupFunction } from "node:net";
import { MAX_MANIFEST_BYTES } from "../oci/manifest.ts";
import { pause } from "./cancellation.ts";
import { checkEnd } from "./checked-end.ts";
import { Circuits, type CircuitChange } from "./circuit.ts";
import { Connections } from "./connections.ts";
import { readContent } from "./continuation.ts";
import type { UpstreamResponse } from "./exchange.ts";
import { Follower, type Followed } from "./follow.ts";
import { holdBody } from "./held-body.ts";
import { HeaderNames, headerValue, withoutHeaders } from "./raw-headers.ts";
import { ResumeAllowance } from "./resume-allowance.ts";
import { ResumingBody } from "./resuming-body.ts";
import { BRIEF, PATIENT, pauseBefore, type Patience } from "./retry.ts";
import type { Upstream } from "./upstream.ts";
import type { UpstreamRequest } from "./upstream-request.ts";
import { NO_CONNECTION, toUpstreamError, type UpstreamError } from "./upstream-error.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

export interface UpstreamClientOptions {
  readonly settings: UpstreamSettings;
  readonly now: () => number;
  /** How names are resolved. Default: as the system does. */
  readonly lookup?: LookupFunction;
  /** Told when a host begins or ceases to be unreachable. */
  readonly onCircuit?: (change: CircuitChange) => void;
}

/** Asks registries until there is an answer to tell, or no time is left. */
export class UpstreamClient {
  readonly #settings: UpstreamSettings;
  readonly #now: () => number;
  readonly #connections: Connections;
  readonly #circuits: Circuits;
  readonly #follower: Follower;
  readonly #allowance: ResumeAllowance;

  constructor({ settings, now, lookup = dnsLookup, onCircuit = () => {} }: UpstreamClientOptions) {
    this.#settings = settings;
    this.#now = now;
    this.#connections = new Connections(settings, lookup);
    this.#circuits = new Circuits(now, onCircuit);
    this.#follower = new Follower({ connections: this.#connections, circuits: this.#circuits, now });
    this.#allowance = new ResumeAllowance(now);
  }

  /** Resolves with the head of the final response; its body waits. Rejects with an UpstreamError. */
  async fetch(upstream: Upstream, request: UpstreamRequest): Promise<UpstreamResponse> {
    const startedMs = this.#now();
    const deadlineMs = startedMs + this.#settings.answerTimeoutMs;
    const patience = patienceFor(request);
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#attempt(upstream, request, deadlineMs);
      const pauseMs = pauseBefore(toOutcome(outcome), attempt, patience);
      const untilMs = isUnreachable(outcome, request) ? startedMs + this.#settings.connectTimeoutMs : deadlineMs;
      const isInTime = pauseMs !== undefined && this.#now() + pauseMs < untilMs && !request.signal.aborted;
      if (!isInTime) return finish(outcome);
      if ("body" in outcome) outcome.body.discard();
      request.onRepeat?.("request", "body" in outcome ? outcome.status : outcome);
      await pause(pauseMs, request.signal);
    }
  }

  /** The agent for requests to the registry itself that go another way than `fetch`. */
  agentFor(upstream: Upstream): HttpAgent {
    return this.#connections.agent(upstream);
  }

  /** Another one takes the new requests. */
  retire(): void {
    this.#circuits.retire();
  }

  /** Cuts all connections. */
  close(): Promise<void> {
    return this.#connections.close();
  }

  /** Never rejects. */
  async #attempt(
    upstream: Upstream,
    request: UpstreamRequest,
    deadlineMs: number,
  ): Promise<UpstreamResponse | UpstreamError> {
    try {
      const untilMs = Math.min(this.#now() + this.#settings.headTimeoutMs, deadlineMs);
      const followed = await this.#follower.follow(upstream, request, undefined, untilMs);
      if (request.method === "HEAD") return followed;
      if (request.delivery === "whole") {
        const isHere = followed.body.whole !== undefined;
        return checkEnd(isHere ? followed : await this.#hold(followed, untilMs, untilMs === deadlineMs), request);
      }
      const response = checkEnd(followed, request);
      // A part of a body may be less than was asked for.
      if (response.body.whole !== undefined && response.status !== 206) return response;
      return this.#resuming(upstream, request, response);
    } catch (error) {
      return toUpstreamError(error, upstream.origin.host);
    }
  }

  #hold(response: UpstreamResponse, untilMs: number, isLastTime: boolean): Promise<UpstreamResponse> {
    return holdBody(response, {
      maxBytes: MAX_MANIFEST_BYTES,
      timeoutMs: untilMs - this.#now(),
      afterwards: isLastTime ? "stream" : "fail",
    });
  }

  #resuming(upstream: Upstream, request: UpstreamRequest, first: Followed): UpstreamResponse {
    const content = readContent(first);
    if (content === undefined) return first;
    const ownHeaders = withoutHeaders(request.headers, OF_THE_RANGE);
    const body = new ResumingBody(first, {
      content,
      ask: (from, range) => {
        const untilMs = this.#now() + this.#settings.headTimeoutMs;
        return this.#follower.follow(upstream, { ...request, headers: [...ownHeaders, ...range] }, from, untilMs);
      },
      mayResume: () => this.#allowance.take(request.resumeKey ?? ""),
      onResume: (failure) => request.onRepeat?.("body", failure),
      timeoutMs: this.#settings.resumeTimeoutMs,
      signal: request.signal,
      now: this.#now,
    });
    return { ...first, body };
  }
}

/** What a client asked for itself of a range is part of `Content` already. */
const OF_THE_RANGE = new HeaderNames(["range", "if-range"]);

function patienceFor({ body, delivery }: UpstreamRequest): Patience {
  if (body !== undefined) return ONCE;
  return delivery === "whole" ? BRIEF : PATIENT;
}

const ONCE: Patience = { attempts: 1, pauseMs: 0, factor: 1 };

function toOutcome(outcome: UpstreamResponse | UpstreamError): Parameters<typeof pauseBefore>[0] {
  if (!("body" in outcome)) return outcome;
  return { status: outcome.status, retryAfter: headerValue(outcome.headers, "retry-after") };
}

/** Nobody answers where a client could still go elsewhere: then it is told within the time for one connection. */
function isUnreachable(outcome: UpstreamResponse | UpstreamError, { delivery }: UpstreamRequest): boolean {
  return delivery === "whole" && "failure" in outcome && NO_CONNECTION.has(outcome.failure);
}

function finish(outcome: UpstreamResponse | UpstreamError): UpstreamResponse {
  if ("body" in outcome) return outcome;
  throw outcome;
}
