import { isDigest } from "../oci/digest.ts";
import { readRateLimit } from "../oci/rate-limit.ts";
import type { ResponseStarted } from "../pull/transfer-event.ts";
import { headerValue } from "../upstream/raw-headers.ts";
import { fingerprintSource } from "./rate-limit-source.ts";
import type { Head } from "./transfer.ts";

type ResponseFacts = Omit<ResponseStarted, "type" | "atMs" | "transfer">;

/** What the head of a response tells. */
export function readResponseFacts(head: Head, nowMs: number): ResponseFacts {
  const { status, headers, host, failure } = head;
  const contentLength = readInteger(headerValue(headers, "content-length"));
  const contentRange = status === 206 ? readContentRange(headerValue(headers, "content-range")) : undefined;
  const contentType = headerValue(headers, "content-type");
  const digest = headerValue(headers, "docker-content-digest");
  const retryAfterSeconds = readRetryAfter(headerValue(headers, "retry-after"), nowMs);
  const rateLimit = readRateLimit((name) => headerValue(headers, name));
  const rateLimitSource = headerValue(headers, "docker-ratelimit-source");
  return {
    status,
    ...(contentLength !== undefined && { contentLength }),
    ...(contentRange !== undefined && { contentRange }),
    ...(contentType !== undefined && { contentType }),
    ...(digest !== undefined && isDigest(digest) && { dockerContentDigest: digest }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(rateLimit !== undefined && {
      rateLimit: {
        ...rateLimit,
        ...(rateLimitSource !== undefined && { source: fingerprintSource(rateLimitSource) }),
      },
    }),
    ...(host !== undefined && { servingHost: host }),
    ...(failure !== undefined && { failure }),
  };
}

// RFC 9110 §14.4
const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(?:(\d{1,15})|\*)$/;

function readContentRange(value: string | undefined): ResponseFacts["contentRange"] {
  const [, start, end, size] = CONTENT_RANGE.exec(value ?? "") ?? [];
  if (start === undefined || end === undefined) return undefined;
  return { start: Number(start), end: Number(end), ...(size !== undefined && { size: Number(size) }) };
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const seconds = readInteger(value);
  if (seconds !== undefined) return seconds;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}

function readInteger(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
