import type { Digest } from "../oci/digest.ts";
import type { Client } from "./client.ts";
import type { Connection } from "./connections.ts";
import type { Content } from "./content.ts";
import type { Failure } from "./outcome.ts";
import type { Ping } from "./pings.ts";
import type { Pull } from "./pull.ts";
import type { TransferStarted } from "./transfer-event.ts";

/** A request that has not ended. */
export interface Transfer {
  readonly id: number;
  readonly client: Client;
  readonly connection: Connection;
  readonly startMs: number;
  readonly method: string;
  purpose: Purpose;
  /** Undefined: the request belongs to no pull. */
  pull: Pull | undefined;
  /** Undefined: it downloads nothing that the pull is judged by. */
  content: Content | undefined;
  /** The digest in its path. */
  digest: Digest | undefined;
  ping: Ping | undefined;
  /** The repository that it writes to. */
  readonly pushedTo: string | undefined;
  readonly rangeStart: number;
  /** Counted as a running download of `digest`. */
  fetching: boolean;
  status: number | undefined;
  failure: Failure | undefined;
  /** First byte of the body and its length, as the response's head tells. */
  bodyStart: number;
  bodyLength: number | undefined;
  answeredDigest: Digest | undefined;
  retryAfterSeconds: number | undefined;
}

/** What a request is for: to resolve the pull's reference, to read another manifest or a blob, or something beside. */
export type Purpose = "ping" | "resolve" | "manifest" | "blob" | "beside";

/** A request just begun, of which nothing but its head is known. */
export function newTransfer(event: TransferStarted, client: Client, connection: Connection, nowMs: number): Transfer {
  return {
    id: event.transfer,
    client,
    connection,
    startMs: nowMs,
    method: event.method,
    purpose: "beside",
    pull: undefined,
    content: undefined,
    digest: undefined,
    ping: undefined,
    pushedTo: undefined,
    rangeStart: event.rangeStart ?? 0,
    fetching: false,
    status: undefined,
    failure: undefined,
    bodyStart: event.rangeStart ?? 0,
    bodyLength: undefined,
    answeredDigest: undefined,
    retryAfterSeconds: undefined,
  };
}

/**
 * True if a push will not go on after this answer to one of its requests. After 401 it comes with credentials, after 408 and
 * 429 later, after 416 with another range.
 */
export function isTurnedDown(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && !TRIED_AGAIN.has(status);
}

const TRIED_AGAIN = new Set([401, 408, 416, 429]);
