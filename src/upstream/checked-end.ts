import { createHash } from "node:crypto";
import type { UpstreamBody, UpstreamResponse } from "./exchange.ts";
import { headerValue } from "./raw-headers.ts";
import { UpstreamError } from "./upstream-error.ts";

/**
 * A body without length and chunks ends with its connection (RFC 9112 §6.3), and so it does when the connection is cut:
 * nothing in HTTP, and in Node.js nothing of TLS, tells which. Its digest does: a body that is not what it says was cut.
 */
export function checkEnd<Response extends UpstreamResponse>(response: Response, digest: string | undefined): Response {
  const { body, headers, host, status } = response;
  const [algorithm, wanted] = (digest ?? headerValue(headers, "docker-content-digest") ?? "").split(":", 2);
  const isFramed = FRAMING.some((name) => headerValue(headers, name) !== undefined);
  // The digest of a signed manifest of schema 1 is not that of its bytes.
  const isSigned = headerValue(headers, "content-type")?.includes("+prettyjws") === true;
  const isCoded = isSigned || headerValue(headers, "content-encoding") !== undefined;
  if (status !== 200 || isFramed || isCoded || algorithm !== "sha256" || wanted === undefined) return response;
  return { ...response, body: checkedBody(body, wanted, host) };
}

const FRAMING = ["content-length", "transfer-encoding"];

function checkedBody(body: UpstreamBody, wanted: string, host: string): UpstreamBody {
  return {
    deliver: async (onChunk) => {
      const hash = createHash("sha256");
      await body.deliver((chunk) => {
        hash.update(chunk);
        return onChunk(chunk);
      });
      if (hash.digest("hex") !== wanted) throw new UpstreamError("truncated", `${host}: the response ended early`);
    },
    resume: () => body.resume(),
    discard: () => body.discard(),
  };
}
