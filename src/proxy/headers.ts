import { HeaderNames, headerValue, isNamed, withoutHeaders, type RawHeaders } from "../upstream/raw-headers.ts";

// RFC 9110 §7.6.1, and its forerunners that old clients still send (RFC 2616 §13.5.1, Proxy-Connection). Trailer goes
// with Transfer-Encoding: trailers are not forwarded.
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

// Host names the upstream (RFC 9110 §7.2). Expect was answered by this hop, and it has no body to wait for (§10.1.1).
const REPLACED = ["host", "expect"];

const NOT_OF_A_PULL = new HeaderNames([...HOP_BY_HOP, ...REPLACED, "content-length"]);
const NOT_OF_A_PUSH = new HeaderNames([...HOP_BY_HOP, ...REPLACED]);
const NOT_OF_A_RESPONSE = new HeaderNames(HOP_BY_HOP);

export function hasHeader(headers: RawHeaders, name: string): boolean {
  return headerValue(headers, name) !== undefined;
}

export function countHeaders(headers: RawHeaders, name: string): number {
  return headers.filter((text, i) => i % 2 === 0 && isNamed(text, name)).length;
}

/**
 * Headers of a request without a body as they go on to the registry: without those that end at this hop, those in
 * `taken` (what was meant for the proxy), and those of the body that a GET or HEAD does not have.
 */
export function forwardRequestHeaders(headers: RawHeaders, taken: HeaderNames): string[] {
  return withoutHeaders(headers, NOT_OF_A_PULL, taken, connectionOptions(headers));
}

/** The same for a request whose body goes on as well. */
export function forwardPushHeaders(headers: RawHeaders, taken: HeaderNames): string[] {
  return withoutHeaders(headers, NOT_OF_A_PUSH, taken, connectionOptions(headers));
}

/** Headers of a response as they go on to the client. */
export function forwardResponseHeaders(headers: RawHeaders): string[] {
  return withoutHeaders(headers, NOT_OF_A_RESPONSE, connectionOptions(headers));
}

const NONE = new HeaderNames([]);

/** What `Connection` says almost always. */
const OF_NO_HEADER = new Set(["close", "keep-alive"]);

/** Names that `Connection` declares to be of this hop only. Content-Length stays: it frames what is forwarded. */
function connectionOptions(headers: RawHeaders): HeaderNames {
  if (!hasHeader(headers, "connection")) return NONE;
  const options = new Set<string>();
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1] ?? "";
    if (!isNamed(headers[i] ?? "", "connection") || OF_NO_HEADER.has(value)) continue;
    for (const option of value.split(",")) options.add(option.trim().toLowerCase());
  }
  options.delete("content-length");
  return options.size === 0 ? NONE : new HeaderNames(options);
}

const LENGTH = /^\d{1,16}$/;

/**
 * True if a message says in one way only where its body ends (RFC 9112 §6.3). Both parsers refuse the contrary already;
 * this one holds whoever parses, because a second reading of one message is request smuggling (CVE-2026-1525).
 */
export function hasCleanFraming(headers: RawHeaders): boolean {
  let lengths = 0;
  let encodings = 0;
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i] ?? "", "transfer-encoding")) encodings += 1;
    if (!isNamed(headers[i] ?? "", "content-length")) continue;
    if (!LENGTH.test(headers[i + 1] ?? "")) return false;
    lengths += 1;
  }
  return lengths + encodings <= 1;
}

/**
 * Headers in an order that `ServerResponse.writeHead` takes. It refuses a Content-Disposition beyond ASCII behind
 * Content-Length (lib/_http_outgoing.js re-codes it, then finds it invalid), so that one goes first.
 */
export function writableOrder(headers: RawHeaders): string[] {
  const isFirst = (i: number): boolean => {
    const at = i - (i % 2);
    return isNamed(headers[at] ?? "", "content-disposition") && BEYOND_ASCII.test(headers[at + 1] ?? "");
  };
  if (!hasHeader(headers, "content-disposition")) return [...headers];
  const first = headers.filter((_, i) => isFirst(i));
  return first.length === 0 ? [...headers] : [...first, ...headers.filter((_, i) => !isFirst(i))];
}

const BEYOND_ASCII = /[\x80-\xff]/;
