import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { STATUS_CODES } from "../node-http.ts";
import type { RefusalReason } from "../pull/transfer-event.ts";
import { refusalResponse } from "./error-response.ts";

/** An error of Node.js' HTTP parser, with the bytes that it could not read. */
export interface ParseError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

/** Why bytes are no request; undefined if there is nobody to tell. */
export function reasonOfParseError({ code = "", rawPacket }: ParseError): RefusalReason | undefined {
  if (code === "HPE_HEADER_OVERFLOW") return "head_too_large";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "head_timeout";
  if (!code.startsWith("HPE_") || code === "HPE_INVALID_EOF_STATE") return undefined;
  return rawPacket?.[0] === TLS_HANDSHAKE ? "tls_on_plain_port" : "bad_request";
}

/** Why there was no TLS handshake; undefined if the client just went away, or opened a connection to see whether it can. */
export function reasonOfHandshakeError(
  error: Error & { readonly code?: string },
  socket: Socket,
): RefusalReason | undefined {
  const { code = "" } = error;
  if (code === "ERR_SSL_HTTP_REQUEST") return "plain_on_tls_port";
  // A certificate that is not to be trusted: Node.js judges it after the handshake, and closes.
  const isUntrusted = socket instanceof TLSSocket && Boolean(socket.authorizationError);
  return isUntrusted || code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") ? "tls_handshake" : undefined;
}

/** RFC 8446 §5.1: content type of the record that holds a ClientHello. */
const TLS_HANDSHAKE = 0x16;

/** The response to bytes that never became a request, as it goes on the wire. */
export function printRefusal(reason: RefusalReason): string {
  const { status, headers, body } = refusalResponse(reason, MESSAGES[reason] ?? "this is no HTTP/1.1 request");
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, "Connection: close"];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

const MESSAGES: Partial<Readonly<Record<RefusalReason, string>>> = {
  head_too_large: "the head of the request is too large; see limits.headerBytes",
  head_timeout: "the head of the request did not come in time",
  tls_on_plain_port: "this port speaks plain HTTP: use http://",
  method: "method CONNECT is not served",
};
