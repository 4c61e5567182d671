import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A response as it came over the wire. */
export interface WireResponse {
  readonly statusLine: string;
  /** Names and values alternate, as they were written. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** The body ended as its framing says, not before. */
  readonly complete: boolean;
}

/** Opens a connection on which the test writes what it likes. */
export async function openSocket(port: number, host = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Writes a head (CRLF and blank line are added) with `Connection: close`, and reads until the connection ends. */
export async function wireRequest(port: number, lines: readonly string[], method = "GET"): Promise<WireResponse> {
  const socket = await openSocket(port);
  socket.write(Buffer.from(`${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n`, "latin1"));
  return parseResponse(await readAll(socket), method);
}

/** Everything that comes until the other side ends or cuts the connection. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks);
}

export function parseResponse(bytes: Buffer, method = "GET"): WireResponse {
  const end = bytes.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const rest = bytes.subarray(end + 4);
  const status = Number(statusLine.split(" ")[1]);
  if (method === "HEAD" || status === 204 || status === 304) {
    return { statusLine, headers, body: rest, complete: rest.length === 0 };
  }
  if (/^chunked$/i.test(valueOf(headers, "transfer-encoding") ?? "")) return { statusLine, headers, ...unchunk(rest) };
  const length = valueOf(headers, "content-length");
  return { statusLine, headers, body: rest, complete: length === undefined || rest.length === Number(length) };
}

export function valueOf(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name);
  return at === -1 ? undefined : headers[at + 1];
}

function unchunk(bytes: Buffer): { readonly body: Buffer; readonly complete: boolean } {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = lineEnd === -1 ? Number.NaN : Number.parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    if (Number.isNaN(size)) return { body: Buffer.concat(chunks), complete: false };
    if (size === 0) return { body: Buffer.concat(chunks), complete: true };
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
