import { codeOf, type UpstreamError } from "./upstream-error.ts";

const LOST = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

/**
 * True if the connection ended before a response began. A registry may close an idle connection just when a request is
 * on its way, and no client shall see that: a safe request is sent once more (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
 */
export function isLostConnection({ failure, cause }: UpstreamError): boolean {
  return failure === "truncated" && LOST.has(codeOf(cause));
}
