import { createHash, hash } from "node:crypto";
import type { UpstreamBody, UpstreamResponse } from "./exchange.ts";
import { headerValue, type RawHeaders } from "./raw-headers.ts";
import { UpstreamError } from "./upstream-error.ts";
import type { UpstreamRequest } from "./upstream-request.ts";

/**
 * Compares a body with its digest where more can be done about it than by the client, who compares it anyway:
 *
 * - A body without length and chunks ends with its connection (RFC 9112 §6.3), and so it does when the connection is cut:
 *   nothing in HTTP, and in Node.js nothing of TLS, tells which. If it is not what its digest says, it was cut.
 * - A manifest is kept until it is whole: a wrong one can still be asked for again.
 */
export function checkEnd<Response extends UpstreamResponse>(
  response: Response,
  { digest, delivery }: Pick<UpstreamRequest, "digest" | "delivery">,
): Response {
  const { headers, host, status } = response;
  if (status !== 200 || isOtherBytes(response)) return response;
  if (!isFramed(headers)) {
    const told = digest ?? headerValue(headers, "docker-content-digest");
    return withCheck(response, told, () => new UpstreamError("truncated", `${host}: the response ended early`));
  }
  if (delivery === "streamed") return response;
  const wrong = () => new UpstreamError("digest_mismatch", `${host}: the manifest does not match its digest`);
  return withCheck(response, digest, wrong);
}

function isFramed(headers: RawHeaders): boolean {
  if (headerValue(headers, "content-length") !== undefined) return true;
  return headerValue(headers, "transfer-encoding")?.trim().toLowerCase() === "chunked";
}

/** Coded, or a signed manifest of schema 1: the digest is not that of the bytes on the wire. */
function isOtherBytes({ headers }: UpstreamResponse): boolean {
  const isCoded = headerValue(headers, "content-encoding") !== undefined;
  return isCoded || headerValue(headers, "content-type")?.includes("+prettyjws") === true;
}

// https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#registered-algorithms
const ALGORITHMS = new Set(["sha256", "sha512"]);

function withCheck<Response extends UpstreamResponse>(
  response: Response,
  digest: string | undefined,
  failure: () => UpstreamError,
): Response {
  if (digest === undefined) return response;
  const [algorithm = "", wanted] = digest.split(":", 2);
  if (!ALGORITHMS.has(algorithm) || wanted === undefined) return response;
  const { body } = response;
  if (body.whole !== undefined) {
    if (hash(algorithm, body.whole) !== wanted) throw failure();
    return response;
  }
  const checked: UpstreamBody = {
    deliver: async (onChunk) => {
      const sum = createHash(algorithm);
      await body.deliver((chunk) => {
        sum.update(chunk);
        return onChunk(chunk);
      });
      if (sum.digest("hex") !== wanted) throw failure();
    },
    resume: () => body.resume(),
    discard: () => body.discard(),
  };
  return { ...response, body: checked };
}
