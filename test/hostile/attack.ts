import { once } from "node:events";
import { openSocket } from "../support/wire-client.ts";

/** What came back on one connection. */
export interface Answered {
  readonly responses: readonly Answer[];
  /** Bytes that are no whole response. */
  readonly rest: Buffer;
  /** The proxy neither answered nor closed. */
  readonly timedOut: boolean;
}

export interface Answer {
  readonly status: number;
  /** Names and values alternate, as they were written. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** 5 s: longer than the slowest answer, which is the one to a head that never ends. */
const PATIENCE_MS = 5_000;

/** A harmless request. Whatever the input left on the connection stands before it. */
const LAST_WORDS = "GET /v2/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/**
 * Writes the input, and when it was answered a ping that ends the connection: what an input smuggled in would be answered
 * between the two, or in place of the ping.
 */
export async function attack(port: number, input: Buffer): Promise<Answered> {
  const socket = await openSocket(port);
  let read = Buffer.alloc(0);
  let timedOut = false;
  let said = false;
  const timer = setTimeout(() => {
    timedOut = true;
    socket.destroy();
  }, PATIENCE_MS);
  const closed = once(socket, "close");
  socket.on("data", (chunk) => {
    read = Buffer.concat([read, chunk]);
    if (said || parseResponses(read).responses.length === 0) return;
    said = true;
    socket.write(LAST_WORDS);
  });
  socket.write(input);
  await closed;
  clearTimeout(timer);
  return { ...parseResponses(read), timedOut };
}

function parseResponses(bytes: Buffer): { readonly responses: readonly Answer[]; readonly rest: Buffer } {
  const responses: Answer[] = [];
  let rest = bytes;
  for (;;) {
    const parsed = parseResponse(rest);
    if (parsed === undefined) return { responses, rest };
    rest = parsed.rest;
    // An interim response stands before the one that counts.
    if (parsed.response.status >= 200) responses.push(parsed.response);
  }
}

function parseResponse(bytes: Buffer): { readonly response: Answer; readonly rest: Buffer } | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [statusLine = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine)?.[1]);
  const framed = takeBody(status, headers, bytes.subarray(end + 4));
  return framed && { response: { status, headers, body: framed.body }, rest: framed.rest };
}

function takeBody(
  status: number,
  headers: readonly string[],
  bytes: Buffer,
): { readonly body: Buffer; readonly rest: Buffer } | undefined {
  const valueOf = (name: string): string | undefined =>
    headers[headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name) + 1];
  const hasHeader = (name: string): boolean => headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === name);
  if (status < 200 || status === 204 || status === 304) return { body: Buffer.alloc(0), rest: bytes };
  if (hasHeader("transfer-encoding")) return takeChunks(bytes);
  const length = hasHeader("content-length") ? Number(valueOf("content-length")) : 0;
  return bytes.length < length ? undefined : { body: bytes.subarray(0, length), rest: bytes.subarray(length) };
}

function takeChunks(bytes: Buffer): { readonly body: Buffer; readonly rest: Buffer } | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    const next = lineEnd + 2 + size + 2;
    if (Number.isNaN(size) || bytes.length < next) return undefined;
    if (size === 0) return { body: Buffer.concat(chunks), rest: bytes.subarray(next) };
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}
