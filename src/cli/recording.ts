import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { isDigest, type Digest } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import { parseRoute } from "../oci/route.ts";
import { readCredentialEvidence, type CredentialEvidence } from "../pull/credentials.ts";
import type { TransferEvent, TransferFailed, TransferFinished } from "../pull/transfer-event.ts";
import { parseLine, RecordingError, type ConnectionLine, type Line, type RecordedRequest } from "./recording-line.ts";

/** Recordings come from one machine: all clients have one address. */
const REMOTE_ADDRESS = "127.0.0.1";
const LISTENER = "main";

/** Reads a recording (`.jsonl` or `.jsonl.gz`) as the events that a proxy would have reported. Throws `RecordingError`. */
export function readRecording(path: string): TransferEvent[] {
  const lines = readLines(path);
  return toEvents(
    lines.flatMap((line) => (line.kind === "request" ? [line.request] : [])),
    lines.flatMap((line) => (line.kind === "connection" ? [line.connection] : [])),
  );
}

/** The requests of a recording that reached the mirror. Throws `RecordingError`. */
export function readRecordedRequests(path: string): RecordedRequest[] {
  return readLines(path).flatMap((line) => (line.kind === "request" ? [line.request] : []));
}

function readLines(path: string): Line[] {
  return readText(path)
    .split("\n")
    .map((text, index) => ({ text, place: `${path}:${index + 1}` }))
    .filter(({ text }) => text.trim() !== "")
    .map(({ text, place }) => parseLine(text, place));
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path);
    return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  } catch (error) {
    throw new RecordingError(path, error instanceof Error ? error.message : "cannot be read");
  }
}

/** An event with its place among the events of the same millisecond. */
interface Placed {
  readonly event: TransferEvent;
  /** Openings come before requests, closings after. */
  readonly rank: 0 | 1 | 2;
  readonly sequence: number;
  readonly step: number;
}

export function toEvents(
  requests: readonly RecordedRequest[],
  connections: readonly ConnectionLine[] = [],
): TransferEvent[] {
  const placed: Placed[] = [];
  const recordsConnections = connections.length > 0;
  for (const line of connections) placed.push(placeConnection(line));
  for (const request of requests) {
    const events = eventsOf(request);
    for (const [step, event] of events.entries()) placed.push({ event, rank: 1, sequence: request.seq, step });
    const last = events.at(-1);
    // `Connection: close` (RFC 9112 §9.6): the connection ends with the response.
    if (!recordsConnections && last !== undefined && closesConnection(request)) {
      const event = { type: "connection-closed", atMs: last.atMs, connection: request.conn } as const;
      placed.push({ event, rank: 1, sequence: request.seq, step: events.length });
    }
  }
  return placed.toSorted(byTime).map(({ event }) => event);
}

function byTime(left: Placed, right: Placed): number {
  return (
    left.event.atMs - right.event.atMs ||
    left.rank - right.rank ||
    left.sequence - right.sequence ||
    left.step - right.step
  );
}

function placeConnection(line: ConnectionLine): Placed {
  const { conn: connection, t: atMs } = line;
  const listener = line.listener ?? LISTENER;
  return line.opened
    ? {
        event: { type: "connection-opened", atMs, connection, listener, remoteAddress: REMOTE_ADDRESS },
        rank: 0,
        sequence: connection,
        step: 0,
      }
    : { event: { type: "connection-closed", atMs, connection }, rank: 2, sequence: connection, step: 0 };
}

function closesConnection(request: RecordedRequest): boolean {
  return request.reqHeaders["connection"]?.toLowerCase() === "close";
}

function eventsOf(request: RecordedRequest): TransferEvent[] {
  const events: TransferEvent[] = [startedOf(request)];
  const endMs = request.tEnd ?? request.tHead ?? request.t;
  if (request.status !== undefined) events.push(respondedOf(request, request.status, request.tHead ?? endMs));
  events.push(endOf(request, endMs));
  return events;
}

function startedOf(request: RecordedRequest): TransferEvent {
  const { reqHeaders } = request;
  const [path = "", query = ""] = request.url.split("?", 2);
  const range = /^bytes=(\d+)-/.exec(reqHeaders["range"] ?? "");
  const [, traceId] = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(reqHeaders["traceparent"] ?? "") ?? [];
  const isolation = reqHeaders["x-wire-isolation"];
  return {
    type: "started",
    atMs: request.t,
    transfer: request.seq,
    connection: request.conn,
    listener: request.listener ?? LISTENER,
    remoteAddress: REMOTE_ADDRESS,
    registry: new URLSearchParams(query).get("ns") ?? reqHeaders["host"] ?? "",
    method: request.method,
    route: parseRoute(path),
    userAgent: reqHeaders["user-agent"] ?? "",
    accept: reqHeaders["accept"] ?? "",
    credentials: readRedactedCredentials(reqHeaders["authorization"]),
    ...(range ? { rangeStart: Number(range[1]) } : {}),
    ...(traceId === undefined ? {} : { traceId }),
    ...(isolation === undefined ? {} : { isolation }),
    ...(closesConnection(request) ? { keepAlive: false } : {}),
    forwarded: false,
  };
}

/** Recordings keep of `Authorization` the scheme and what tells credentials from none, not the value. */
function readRedactedCredentials(authorization: string | undefined): CredentialEvidence {
  if (authorization === undefined || !authorization.includes("<redacted>"))
    return readCredentialEvidence(authorization);
  if (authorization.startsWith("Basic ")) {
    return authorization.includes("empty user and password") ? "anonymous_basic" : "basic";
  }
  const [, subject] = /\(JWT sub="([^"]*)"/.exec(authorization) ?? [];
  if (subject === undefined) return "opaque_bearer";
  return subject === "" ? "anonymous_bearer" : "bearer";
}

function respondedOf(request: RecordedRequest, status: number, atMs: number): TransferEvent {
  const { respHeaders } = request;
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(respHeaders["content-range"] ?? "");
  const digest = respHeaders["docker-content-digest"];
  const contentType = respHeaders["content-type"];
  return {
    type: "responded",
    atMs,
    transfer: request.seq,
    status,
    ...numberOf("contentLength", respHeaders["content-length"]),
    ...(range
      ? { contentRange: { start: Number(range[1]), end: Number(range[2]), ...numberOf("size", range[3]) } }
      : {}),
    ...(contentType === undefined ? {} : { contentType }),
    ...(digest !== undefined && isDigest(digest) ? { dockerContentDigest: digest } : {}),
    ...numberOf("retryAfterSeconds", respHeaders["retry-after"]),
  };
}

function numberOf<K extends string>(key: K, text: string | undefined): Partial<Record<K, number>> {
  const record: Partial<Record<K, number>> = {};
  if (text !== undefined && /^\d+$/.test(text)) record[key] = Number(text);
  return record;
}

function endOf(request: RecordedRequest, atMs: number): TransferFinished | TransferFailed {
  const bytes = request.method === "HEAD" ? 0 : (request.respBytes ?? 0);
  const transfer = request.seq;
  if (request.aborted === true || request.status === undefined) {
    const failure = request.abortedBy === "client" ? "client_aborted" : "truncated";
    return { type: "failed", atMs, transfer, bytes, failure };
  }
  const manifest = request.status === 200 && request.method === "GET" ? manifestOf(request) : undefined;
  return { type: "finished", atMs, transfer, bytes, ...(manifest && { manifest }) };
}

function manifestOf(request: RecordedRequest): TransferFinished["manifest"] {
  if (request.body === undefined || !request.url.includes("/manifests/")) return undefined;
  const content = parseManifest(JSON.stringify(request.body));
  const digest = digestOf(request);
  return digest === undefined ? undefined : { digest, ...(content && { content }) };
}

function digestOf(request: RecordedRequest): Digest | undefined {
  const { respHeaders } = request;
  const asked = /\/manifests\/([^?]+)/.exec(request.url)?.[1];
  // The body is kept parsed, so it cannot be hashed; distribution names the digest in `ETag` too.
  const named = [respHeaders["docker-content-digest"], respHeaders["etag"]?.replaceAll('"', ""), asked];
  return named.find(isDigestText);
}

function isDigestText(text: string | undefined): text is Digest {
  return text !== undefined && isDigest(text);
}
