import type { Digest } from "../oci/digest.ts";
import type { Index, Manifest } from "../oci/manifest.ts";
import type { RateLimit } from "../oci/rate-limit.ts";
import type { Route } from "../oci/route.ts";
import type { CredentialEvidence } from "./credentials.ts";
import type { Cause, Failure } from "./outcome.ts";

/**
 * The facts that the data plane reports, in the order in which they happen. Times are milliseconds since the Unix
 * epoch, fractions allowed, and come from one clock. No event holds a secret.
 */
export type TransferEvent =
  | ConnectionOpened
  | ConnectionClosed
  | TransferStarted
  | ResponseStarted
  | TransferFinished
  | TransferFailed
  | UpstreamExchanged
  | UpstreamRepeated
  | CircuitChanged
  | TokenAnswered
  | Refused;

/** Receives every event. Never throws. */
export type Observer = (event: TransferEvent) => void;

/** A client opened a TCP connection. `connection` is unique in this process. */
export interface ConnectionOpened {
  readonly type: "connection-opened";
  readonly atMs: number;
  readonly connection: number;
  readonly listener: string;
  /** Without port. */
  readonly remoteAddress: string;
  /** Id of the client's process, where the listener looks it up (`peerIdentity: proc`). */
  readonly peerProcess?: number;
}

export interface ConnectionClosed {
  readonly type: "connection-closed";
  readonly atMs: number;
  readonly connection: number;
}

/** A request's head was read. `transfer` is unique in this process and grows. */
export interface TransferStarted {
  readonly type: "started";
  readonly atMs: number;
  readonly transfer: number;
  readonly connection: number;
  readonly listener: string;
  readonly remoteAddress: string;
  /** host[:port] as the client names it, lower-case: from `ns`, the listener or the path prefix. */
  readonly registry: string;
  readonly method: string;
  /** The repository in it is the registry's: a path prefix is already taken off. */
  readonly route: Route;
  readonly userAgent: string;
  /** Value of `Accept`; containerd names a blob's exact media type in it. */
  readonly accept: string;
  readonly credentials: CredentialEvidence;
  /** First byte wanted by a `Range: bytes=N-…` header; absent without such a header. */
  readonly rangeStart?: number;
  /** Trace id of `traceparent` (32 hex digits). */
  readonly traceId?: string;
  /** The client's span, and whether it records its trace. */
  readonly traceParent?: { readonly spanId: string; readonly sampled: boolean };
  /** From the listener or a request header; absent: the tracker takes the User-Agent's family. */
  readonly isolation?: string;
  readonly trigger?: Trigger;
  /** False if the request says `Connection: close`; absent: unknown, the tracker goes by the client's version. */
  readonly keepAlive?: boolean;
  /** Another proxy forwarded this request (`Via`, `X-Forwarded-For`, `Forwarded`): connections identify nobody. */
  readonly forwarded: boolean;
}

export type Trigger = "execution" | "warmup";

/** The head of the final response was written to the client. */
export interface ResponseStarted {
  readonly type: "responded";
  readonly atMs: number;
  readonly transfer: number;
  readonly status: number;
  /** Bytes of the body, where the head tells. */
  readonly contentLength?: number;
  /** Of a 206. `size` is absent when the server does not know it (`*`). */
  readonly contentRange?: { readonly start: number; readonly end: number; readonly size?: number };
  readonly contentType?: string;
  readonly dockerContentDigest?: Digest;
  readonly retryAfterSeconds?: number;
  /** What the registry tells of its limits. `source`: fingerprint of whom it counts, comparable within this process. */
  readonly rateLimit?: RateLimit & { readonly source?: string };
  /** host[:port] that served the body: the registry's endpoint, or the target of a redirect that was followed. */
  readonly servingHost?: string;
  /** Why the proxy itself made this response; absent when the registry did. */
  readonly failure?: Failure;
}

/** The response was delivered whole, or the request needed no body. */
export interface TransferFinished {
  readonly type: "finished";
  readonly atMs: number;
  readonly transfer: number;
  /** Body bytes given to the client. */
  readonly bytes: number;
  readonly waits?: TransferWaits;
  /** Whether the bytes of a blob are those of its digest; absent where nobody looked, `skipped` where there was no time. */
  readonly verified?: "match" | "mismatch" | "skipped";
  /** What a successful GET of a manifest delivered: digest of the body's bytes, and its content if understood. */
  readonly manifest?: { readonly digest: Digest; readonly content?: Index | Manifest };
}

/** The exchange ended before the response was whole; there may have been no `responded`. */
export interface TransferFailed {
  readonly type: "failed";
  readonly atMs: number;
  readonly transfer: number;
  readonly bytes: number;
  /** `client_aborted` when the client went away first. */
  readonly failure: Failure;
  readonly waits?: TransferWaits;
}

/** Whom the body of a response waited for, from its head on: the upstream for bytes, or the client to take them. */
export interface TransferWaits {
  readonly upstreamMs: number;
  readonly clientMs: number;
  /** Times of 5 s or more without a byte. */
  readonly upstreamStalls: number;
  readonly clientStalls: number;
}

/** One request to an upstream ended: a redirect hop or a retry is one of its own. For metrics; no pull depends on it. */
export interface UpstreamExchanged {
  readonly type: "upstream-exchanged";
  readonly atMs: number;
  readonly transfer: number;
  readonly registry: string;
  /** host[:port] that was asked. */
  readonly host: string;
  /** Final status, or why there was none. */
  readonly outcome: number | Failure;
  /** What went wrong, in words that name a host at most; absent when there is a status. */
  readonly detail?: string;
  /** From the request to the response's head, in milliseconds. */
  readonly headMs: number;
}

/** Something was made good before its client noticed. For metrics; no pull depends on it. */
export interface UpstreamRepeated {
  readonly type: "upstream-repeated";
  readonly atMs: number;
  readonly transfer: number;
  readonly registry: string;
  /** `request`: it is tried again. `body`: the body goes on over another connection. */
  readonly repeated: "request" | "body";
  /** What went wrong before. */
  readonly cause: Cause;
}

/** A host of a registry began or ceased to count as unreachable; requests before the manifest then fail at once. */
export interface CircuitChanged {
  readonly type: "circuit-changed";
  readonly atMs: number;
  readonly registry: string;
  /** host[:port] */
  readonly host: string;
  readonly state: "closed" | "open" | "half_open";
}

/** A token service answered a client through the proxy (`tokens: relay`), or could not be asked. */
export interface TokenAnswered {
  readonly type: "token-answered";
  readonly atMs: number;
  /** In line with the numbers of transfers, and of none: there is no `started`. */
  readonly transfer: number;
  readonly connection: number;
  readonly listener: string;
  readonly remoteAddress: string;
  readonly userAgent: string;
  readonly registry: string;
  /** What the token is for, as the registry names it. */
  readonly repository?: string;
  /** The client showed who it is. */
  readonly hasCredentials: boolean;
  /** The token service's status, or why there was none. */
  readonly outcome: number | Failure;
  /** From the request to the token service to the end of its answer, in milliseconds. */
  readonly durationMs: number;
}

/** The proxy turned something away by its own rules. A request that could be read has its `started` and `responded` too. */
export interface Refused {
  readonly type: "refused";
  readonly atMs: number;
  readonly listener: string;
  readonly reason: RefusalReason;
}

export type RefusalReason =
  | "unknown_registry"
  | "address"
  | "method"
  | "bad_name"
  | "bad_digest"
  | "bad_reference"
  | "bad_path"
  | "bad_request"
  | "tls_on_plain_port"
  | "plain_on_tls_port"
  | "tls_handshake"
  | "head_too_large"
  | "head_timeout"
  | "body_timeout"
  | "unauthenticated"
  | "overloaded"
  | "draining";
