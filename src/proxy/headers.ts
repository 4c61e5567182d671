/** Names and values alternate, as in Node.js' `rawHeaders`: case, order and duplicates are those of the wire. */
export type RawHeaders = readonly string[];

// RFC 9110 §7.6.1, and its forerunners that old clients still send (RFC 2616 §13.5.1, Proxy-Connection). Trailer goes
// with Transfer-Encoding: trailers are not forwarded.
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** First value of the header `name` (lower-case). */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i], name)) return headers[i + 1];
  }
  return undefined;
}

/** Every request asks this a hundred times: only what has the right length is looked at closer. */
function isNamed(given = "", name: string): boolean {
  return given.length === name.length && given.toLowerCase() === name;
}

export function hasHeader(headers: RawHeaders, name: string): boolean {
  return headerValue(headers, name) !== undefined;
}

export function countHeaders(headers: RawHeaders, name: string): number {
  return headers.filter((text, i) => i % 2 === 0 && isNamed(text, name)).length;
}

/**
 * Headers of a request without a body as they go on to the registry: without those that end at this hop, those in
 * `taken` (lower-case: what was meant for the proxy), and those of the body that a GET or HEAD does not have.
 */
export function forwardRequestHeaders(headers: RawHeaders, taken: ReadonlySet<string>): string[] {
  return withoutHeaders(headers, (name) => taken.has(name) || REPLACED.has(name) || name === "content-length");
}

/** The same for a request whose body goes on as well. */
export function forwardPushHeaders(headers: RawHeaders, taken: ReadonlySet<string>): string[] {
  return withoutHeaders(headers, (name) => taken.has(name) || REPLACED.has(name));
}

/** Headers of a response as they go on to the client. */
export function forwardResponseHeaders(headers: RawHeaders): string[] {
  return withoutHeaders(headers, () => false);
}

// Host names the upstream (RFC 9110 §7.2). Expect was answered by this hop, and it has no body to wait for (§10.1.1).
const REPLACED = new Set(["host", "expect"]);

function withoutHeaders(headers: RawHeaders, isTaken: (name: string) => boolean): string[] {
  const named = connectionOptions(headers);
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const key = name.toLowerCase();
    if (HOP_BY_HOP.has(key) || named.has(key) || isTaken(key)) continue;
    kept.push(name, headers[i + 1] ?? "");
  }
  return kept;
}

const NONE: ReadonlySet<string> = new Set();

/** Names that `Connection` declares to be of this hop only. Content-Length stays: it frames what is forwarded. */
function connectionOptions(headers: RawHeaders): ReadonlySet<string> {
  if (!hasHeader(headers, "connection")) return NONE;
  const options = new Set<string>();
  for (let i = 0; i < headers.length; i += 2) {
    if (!isNamed(headers[i], "connection")) continue;
    for (const option of headers[i + 1]?.split(",") ?? []) options.add(option.trim().toLowerCase());
  }
  options.delete("content-length");
  return options;
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
    if (isNamed(headers[i], "transfer-encoding")) encodings += 1;
    if (!isNamed(headers[i], "content-length")) continue;
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
    return isNamed(headers[at], "content-disposition") && BEYOND_ASCII.test(headers[at + 1] ?? "");
  };
  if (!hasHeader(headers, "content-disposition")) return [...headers];
  const first = headers.filter((_, i) => isFirst(i));
  return first.length === 0 ? [...headers] : [...first, ...headers.filter((_, i) => !isFirst(i))];
}

const BEYOND_ASCII = /[\x80-\xff]/;
