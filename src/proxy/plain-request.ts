import { FIELD_LINES, withoutPadding } from "../upstream/field-line.ts";
import { HeaderNames, isNamed } from "../upstream/raw-headers.ts";

/** What is known of a request before its body. `IncomingMessage` is one. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** Names and values alternate; case, order and duplicates are those of the wire. */
  rawHeaders: string[];
}

export interface PlainRequest extends RequestHead {
  /** The client asks nothing more on this connection (RFC 9112 §9.6). */
  readonly isLast: boolean;
}

/** The blank line behind a head, with the end of its last line. */
const HEAD_END = "\r\n\r\n";

// A manifest or a blob by a path in which nothing is encoded: RFC 3986 §3.3, and a query that says what it likes.
const REQUEST_LINE =
  /^(GET|HEAD) (\/v2\/[\w.~!$&'()*+,;=:@/-]+\/(?:manifests|blobs)\/[\w.~!$&'()*+,;=:@-]+(?:\?[!-~]*)?) HTTP\/1\.1$/;

/**
 * Headers by which a message has a body, or its connection is to be something else. The parser of Node.js takes
 * Proxy-Connection for Connection.
 */
const TELLING = new HeaderNames([
  "content-length",
  "expect",
  "proxy-connection",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Reads a request for a manifest or blob as every client writes it: one head, whole, with nothing behind it, and nothing
 * in it that asks for more than an answer. Undefined for everything else, and for all that could be read in two ways:
 * that is for a hardened parser, which reads what is read here as it is read here.
 */
export function readPlainRequest(bytes: Buffer, maxBytes: number): PlainRequest | undefined {
  if (bytes.length > maxBytes) return undefined;
  const text = bytes.toString("latin1");
  if (!text.endsWith(HEAD_END)) return undefined;
  const lineEnd = text.indexOf("\r\n");
  const [, method, url] = REQUEST_LINE.exec(text.slice(0, lineEnd)) ?? [];
  const lines = text.slice(lineEnd, -HEAD_END.length);
  const headers = url === undefined || !FIELD_LINES.test(lines) ? undefined : readHeaders(lines);
  return headers && { method, url, httpVersion: "1.1", ...headers };
}

/** Undefined if the lines are not plain, or do not name one host. */
function readHeaders(lines: string): Pick<PlainRequest, "rawHeaders" | "isLast"> | undefined {
  const rawHeaders: string[] = [];
  let hosts = 0;
  let connection: string | undefined;
  for (let at = 0; at < lines.length;) {
    const colon = lines.indexOf(":", at);
    const lineEnd = lines.indexOf("\r\n", colon);
    const end = lineEnd === -1 ? lines.length : lineEnd;
    const name = lines.slice(at + 2, colon);
    if (TELLING.has(name)) return undefined;
    const value = withoutPadding(lines, colon + 1, end);
    if (isNamed(name, "host")) hosts += 1;
    if (isNamed(name, "connection")) {
      if (connection !== undefined || !CONNECTION.has(value)) return undefined;
      connection = value;
    }
    rawHeaders.push(name, value);
    at = end;
  }
  return hosts === 1 ? { rawHeaders, isLast: connection === "close" } : undefined;
}

/** What HTTP/1.1 means anyway, and its contrary. */
const CONNECTION = new Set(["keep-alive", "Keep-Alive", "close"]);
