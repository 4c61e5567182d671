import type { Upstream } from "./upstream.ts";
import type { CancelSignal } from "./cancellation.ts";
import type { UpstreamError } from "./upstream-error.ts";

/** What the client asked for, with the headers that go on to the registry (no Host, nothing hop-by-hop). */
export interface UpstreamRequest {
  /** POST: for a token; not sent again, not even to where it is redirected. */
  readonly method: "GET" | "HEAD" | "POST";
  readonly body?: Buffer;
  readonly path: string;
  readonly headers: readonly string[];
  readonly redirects: Upstream["redirects"];
  /**
   * `whole`: a small answer, kept until all of it is here; when it cannot be had soon, its client should go elsewhere.
   * `streamed`: a blob, passed on as it comes, and resumed when its connection is cut.
   */
  readonly delivery: "whole" | "streamed";
  /** Of the content that is asked for, where the request tells. */
  readonly digest?: string;
  /** Whose resumptions are counted together: client and repository. */
  readonly resumeKey?: string;
  readonly signal: CancelSignal;
  /** Told once for each request that was sent or could not be. */
  readonly onExchange: (host: string, outcome: number | UpstreamError, startedMs: number) => void;
  /** Told of what was made good: a request that is tried again, or a body that goes on, after `outcome`. */
  readonly onRepeat?: (repeated: Repeated, outcome: number | UpstreamError) => void;
}

/** Whether the client had the response's head already. */
export type Repeated = "request" | "body";
