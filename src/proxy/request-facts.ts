import { readCredentialEvidence } from "../pull/credentials.ts";
import type { TransferStarted, Trigger } from "../pull/transfer-event.ts";
import { headerValue, type RawHeaders } from "../upstream/raw-headers.ts";
import { hasHeader } from "./headers.ts";
import type { Listener } from "./listener.ts";

/** Lower-case names of the request headers that set labels. */
export interface LabelHeaders {
  readonly isolation: string;
  readonly trigger: string;
}

type RequestFacts = Pick<
  TransferStarted,
  | "userAgent"
  | "accept"
  | "credentials"
  | "rangeStart"
  | "traceId"
  | "traceParent"
  | "isolation"
  | "trigger"
  | "forwarded"
>;

/** What the headers of a request tell. No secret is in it. */
export function readRequestFacts(headers: RawHeaders, listener: Listener, names: LabelHeaders): RequestFacts {
  const rangeStart = readRangeStart(headerValue(headers, "range"));
  const trace = readTraceparent(headerValue(headers, "traceparent"));
  const isolation = readIsolation(headerValue(headers, names.isolation)) ?? listener.isolation;
  const trigger = readTrigger(headerValue(headers, names.trigger)) ?? listener.trigger;
  return {
    userAgent: headerValue(headers, "user-agent") ?? "",
    accept: headerValue(headers, "accept") ?? "",
    forwarded: FORWARDED.some((name) => hasHeader(headers, name)),
    credentials: readCredentialEvidence(headerValue(headers, "authorization")),
    ...(rangeStart !== undefined && { rangeStart }),
    ...trace,
    ...(isolation !== undefined && { isolation }),
    ...(trigger !== undefined && { trigger }),
  };
}

// RFC 9110 §7.6.3, RFC 7239, and the header that was there before it.
const FORWARDED = ["via", "forwarded", "x-forwarded-for"];

// RFC 9110 §14.1.2: a suffix range ("bytes=-N") has no first byte that could be told here.
const RANGE_START = /^bytes=(\d{1,15})-/;

function readRangeStart(value: string | undefined): number | undefined {
  const [, start] = RANGE_START.exec(value ?? "") ?? [];
  return start === undefined ? undefined : Number(start);
}

// https://www.w3.org/TR/trace-context-1/#traceparent-header; an id of zeros is invalid (§3.2.2.3, §3.2.2.4)
const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;
const SAMPLED = 0x01;

function readTraceparent(value: string | undefined): Pick<TransferStarted, "traceId" | "traceParent"> {
  const [, traceId, spanId = "", flags = ""] = TRACEPARENT.exec(value?.trim() ?? "") ?? [];
  if (traceId === undefined) return {};
  if (/^0+$/.test(spanId)) return { traceId };
  return { traceId, traceParent: { spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 } };
}

/** A word that is fit to be a label value; anything else counts as not sent. */
const LABEL_VALUE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

function readIsolation(value: string | undefined): string | undefined {
  const isolation = value?.trim();
  return isolation !== undefined && LABEL_VALUE.test(isolation) ? isolation : undefined;
}

function readTrigger(value: string | undefined): Trigger | undefined {
  const trigger = value?.trim().toLowerCase();
  return trigger === "execution" || trigger === "warmup" ? trigger : undefined;
}
