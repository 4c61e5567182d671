import { NotAsked } from "./circuit.ts";
import { codeOf, type UpstreamError } from "./upstream-error.ts";

/** How long a request is tried again, and how often. */
export interface Patience {
  /** The first one included. */
  readonly attempts: number;
  /** Before the second attempt, in milliseconds; before each further one `factor` times as long. */
  readonly pauseMs: number;
  readonly factor: number;
}

/**
 * Before the manifest every client goes to the registry itself when its mirror fails, and the sooner it is told the
 * better: two more attempts within half a second, for what a moment cures.
 */
export const BRIEF: Patience = { attempts: 3, pauseMs: 100, factor: 3 };

/** After it some clients give up for good: three more attempts within two and a half seconds. */
export const PATIENT: Patience = { attempts: 4, pauseMs: 250, factor: 2.5 };

/** What one attempt came to: a status with what its head says of `Retry-After`, or an error. */
export type Outcome = { readonly status: number; readonly retryAfter?: string | undefined } | UpstreamError;

/**
 * Milliseconds to wait before the attempt after `attempt` (the first is 1); undefined when its outcome is to be told as
 * it is. Only for requests that may be sent twice (RFC 9110 §9.2.2).
 */
export function pauseBefore(
  outcome: Outcome,
  attempt: number,
  { attempts, pauseMs, factor }: Patience,
): number | undefined {
  if (attempt >= attempts || !isPassing(outcome)) return undefined;
  const pause = pauseMs * factor ** (attempt - 1);
  if (!("status" in outcome) || outcome.retryAfter === undefined) return pause;
  // RFC 9110 §10.2.3: a server that says when, is not asked before; later than this is the client's to wait for.
  const wantedMs = Number(outcome.retryAfter) * 1000;
  return wantedMs <= MAX_RETRY_AFTER_MS ? Math.max(pause, wantedMs) : undefined;
}

/** 2 s: what a client does not notice. */
const MAX_RETRY_AFTER_MS = 2_000;

// RFC 9110 §15.6.3 to §15.6.5: a server in between that could not do it now. A 500 says nothing of the next attempt, and
// a 429 (RFC 6585 §4) says not to make it.
const PASSING_STATUS = new Set([502, 503, 504]);

function isPassing(outcome: Outcome): boolean {
  if ("status" in outcome) return PASSING_STATUS.has(outcome.status);
  if (outcome instanceof NotAsked) return false;
  const { failure, cause } = outcome;
  // A certificate will be no better in a second; a connection that broke, or was slow, before it was shown may be.
  if (failure === "tls") return BROKEN_CONNECTION.has(codeOf(cause));
  return PASSING_FAILURE.has(failure);
}

const PASSING_FAILURE = new Set(["dns", "connect", "header_timeout", "stalled", "truncated", "digest_mismatch"]);

/** `ETIMEDOUT` is the kernel's, and that of `timeouts.tls`. */
const BROKEN_CONNECTION = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT"]);
