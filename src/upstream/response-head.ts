import { FIELD_LINES, withoutPadding } from "./field-line.ts";
import { isNamed } from "./raw-headers.ts";

/** Where a response's body ends (RFC 9112 §6.3). */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" };

export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  /** Names and values alternate; case, order and duplicates are those of the wire. */
  readonly headers: readonly string[];
  readonly framing: Framing;
  /** The connection can be used again after the body. */
  readonly keepsAlive: boolean;
  /** How long the server says that it keeps an idle connection, in seconds. */
  readonly keepAliveSeconds: number | undefined;
}

/** The blank line behind a head. */
export const HEAD_END = Buffer.from("\r\n\r\n");

const CR = 0x0d;
const LF = 0x0a;

const VERSION = "HTTP/1.1 ";

/** "HTTP/1.1 200", and a space before the phrase, which may be missing with it (RFC 9112 §4). */
const STATUS_LINE = /^HTTP\/1\.1 ([2-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

const LENGTH = /^\d{1,15}$/;

const NO_BODY: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };

/**
 * Reads the head of a final response, without the blank line, as ISO-8859-1. Undefined for all that can be read in more
 * than one way, or needs more than this parser knows: interim responses, HTTP/1.0, bodies that end with the connection,
 * folded lines, a length told twice. A hardened parser is asked about those.
 */
export function parseResponseHead(text: string, method: string): ResponseHead | undefined {
  const first = endOfLine(text, 0);
  const [, code, statusText = ""] = STATUS_LINE.exec(text.slice(0, first)) ?? [];
  if (code === undefined || !FIELD_LINES.test(text.slice(first))) return undefined;
  const status = Number(code);
  const headers: string[] = [];
  let length: string | undefined;
  let coding: string | undefined;
  let connection = "";
  let keepAlive: string | undefined;
  for (let at = first; at < text.length;) {
    const colon = text.indexOf(":", at);
    const end = endOfLine(text, colon);
    const name = text.slice(at + 2, colon);
    const value = withoutPadding(text, colon + 1, end);
    headers.push(name, value);
    at = end;
    if (isNamed(name, "content-length")) {
      if (length !== undefined || !LENGTH.test(value)) return undefined;
      length = value;
    }
    if (isNamed(name, "transfer-encoding")) {
      if (coding !== undefined || value.toLowerCase() !== "chunked") return undefined;
      coding = value;
    }
    if (isNamed(name, "connection")) connection += `,${value.toLowerCase()}`;
    if (isNamed(name, "keep-alive")) keepAlive = value;
  }
  if (length !== undefined && coding !== undefined) return undefined;
  const framing = framingOf(status, method, length, coding);
  if (framing === undefined) return undefined;
  const keepsAlive = !/,\s*close\s*(?:,|$)/.test(connection);
  return { status, statusText, headers, framing, keepsAlive, keepAliveSeconds: readTimeout(keepAlive) };
}

/** Where the line that begins at `start` ends; the last one has no CRLF any more. */
function endOfLine(text: string, start: number): number {
  const end = text.indexOf("\r\n", start);
  return end === -1 ? text.length : end;
}

// draft-thomson-hybi-http-timeout-03 §2.1
function readTimeout(keepAlive: string | undefined): number | undefined {
  const seconds = keepAlive === undefined ? undefined : /\btimeout=(\d{1,6})\b/.exec(keepAlive)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}

/** In a head: what no value may have, and a CR or LF that stands alone. */
const UNCLEAN = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?:[^\n]|$)|(?:^|[^\r])\n/;

/** False if no further bytes can make a head of these that `parseResponseHead` reads; those before `from` could. */
export function couldBecomeHead(bytes: Buffer, from: number): boolean {
  if (bytes.toString("latin1", 0, VERSION.length) !== VERSION.slice(0, bytes.length)) return false;
  // A CR at the end waits for its LF; a LF at the start was found good with its CR.
  const end = bytes.at(-1) === CR ? bytes.length - 1 : bytes.length;
  const start = from > 0 && bytes[from] === LF ? from + 1 : from;
  return !UNCLEAN.test(bytes.toString("latin1", start, end));
}

function framingOf(status: number, method: string, length?: string, coding?: string): Framing | undefined {
  if (method === "HEAD" || status === 204 || status === 304) return NO_BODY;
  if (coding !== undefined) return CHUNKED;
  if (length === undefined) return undefined;
  return length === "0" ? NO_BODY : { kind: "length", bytes: Number(length) };
}
