import { redactText } from "../log/redact.ts";
import { splitPort } from "../oci/registry-host.ts";
import type { FinishedBlob, FinishedPull } from "../pull/pull-event.ts";

/** Makes ids of spans and traces: random hexadecimal digits, two for each byte. */
export type RandomHex = (bytes: number) => string;

/** One span, as OTLP's JSON has it: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code: number; readonly message?: string };
}

interface Attribute {
  readonly key: string;
  readonly value:
    | { readonly stringValue: string }
    | { readonly intValue: string }
    | { readonly boolValue: boolean }
    | { readonly doubleValue: number }
    | { readonly arrayValue: { readonly values: readonly { readonly stringValue: string }[] } };
}

// https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/trace/v1/trace.proto
const KIND = { internal: 1, client: 3 } as const;
const STATUS = { unset: 0, error: 2 } as const;

/**
 * A span for a pull, and one below it for each manifest and blob. The pull joins the trace of its client, if that has
 * one. Names are those of the semantic conventions where they have any (https://opentelemetry.io/docs/specs/semconv/,
 * registry: container, error, http, oci, server, user_agent), and begin with `pullmeter` where they have none.
 */
export function toSpans(pull: FinishedPull, randomHex: RandomHex): Span[] {
  const traceId = pull.traceId ?? randomHex(TRACE_ID_BYTES);
  const spanId = randomHex(SPAN_ID_BYTES);
  const parentSpanId = pull.traceParent?.spanId;
  const root: Span = {
    traceId,
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name: "image pull",
    kind: KIND.internal,
    startTimeUnixNano: toNanoseconds(pull.startMs),
    endTimeUnixNano: toNanoseconds(Math.max(pull.startMs, pull.endMs)),
    attributes: toAttributes(pullAttributes(pull)),
    status: pull.status === "ok" ? { code: STATUS.unset } : { code: STATUS.error, message: pull.cause },
  };
  const children = pull.blobs.map((blob): Span => {
    const isBad = (blob.lastStatus ?? 0) >= 400 || !blob.done;
    return {
      traceId,
      spanId: randomHex(SPAN_ID_BYTES),
      parentSpanId: spanId,
      name: `fetch ${blob.role === "unknown" ? "blob" : blob.role}`,
      kind: KIND.client,
      startTimeUnixNano: toNanoseconds(blob.startMs),
      endTimeUnixNano: toNanoseconds(Math.max(blob.startMs, blob.endMs)),
      attributes: toAttributes(blobAttributes(blob)),
      status: { code: isBad ? STATUS.error : STATUS.unset },
    };
  });
  return [root, ...children];
}

/** The body of a request to an OTLP receiver. */
export function toExportRequest(spans: readonly Span[], version: string): string {
  const resource = toAttributes({ "service.name": "pullmeter", "service.version": version });
  const scopeSpans = [{ scope: { name: "pullmeter", version }, spans }];
  return JSON.stringify({ resourceSpans: [{ resource: { attributes: resource }, scopeSpans }] });
}

// https://www.w3.org/TR/trace-context-1/#traceparent-header-field-values
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** Whole numbers stand for themselves; a fraction says that it is one, so that its type does not change with its value. */
type Value = string | number | boolean | readonly string[] | { readonly fraction: number };
type Values = Readonly<Record<string, Value | undefined>>;

function pullAttributes(pull: FinishedPull): Values {
  const isTag = !pull.reference.includes(":");
  return {
    "container.image.name": redactText(`${pull.registry}/${pull.repository}`),
    "container.image.tags": isTag ? [redactText(pull.reference)] : undefined,
    "oci.manifest.digest": pull.rootDigest,
    ...serverAttributes(pull.registry),
    "client.address": pull.client.address,
    "user_agent.original": redactText(pull.client.userAgent),
    "error.type": pull.cause === "none" ? undefined : pull.cause,
    "pullmeter.pull.id": pull.id,
    "pullmeter.isolation": redactText(pull.isolation),
    "pullmeter.trigger": pull.trigger,
    "pullmeter.on_disk": pull.onDisk,
    "pullmeter.has_creds": pull.hasCreds,
    "pullmeter.joined": pull.joined,
    "pullmeter.bytes": pull.bytes,
    "pullmeter.attempts": pull.attempts,
    "pullmeter.end_rule": pull.endRule,
  };
}

function blobAttributes(blob: FinishedBlob): Values {
  return {
    "oci.manifest.digest": blob.role === "manifest" ? blob.digest : undefined,
    "pullmeter.blob.digest": blob.role === "manifest" ? undefined : blob.digest,
    "http.response.status_code": blob.lastStatus,
    "http.response.body.size": blob.deliveredBytes,
    ...(blob.servingHost === undefined ? {} : serverAttributes(blob.servingHost)),
    "pullmeter.blob.size": blob.sizeBytes,
    "pullmeter.requests": blob.requests,
    "pullmeter.first_byte_seconds":
      blob.firstByteMs === undefined ? undefined : { fraction: Math.max(0, blob.firstByteMs - blob.startMs) / 1000 },
  };
}

function serverAttributes(host: string): Values {
  const { name, port } = splitPort(host);
  return { "server.address": redactText(name), "server.port": port === undefined ? undefined : Number(port) };
}

function toAttributes(values: Values): Attribute[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: toValue(value) }],
  );
}

function toValue(value: Value): Attribute["value"] {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  // 64-bit integers are decimal strings in protobuf's JSON.
  if (typeof value === "number") return { intValue: String(Math.round(value)) };
  if ("fraction" in value) return { doubleValue: value.fraction };
  return { arrayValue: { values: value.map((stringValue) => ({ stringValue })) } };
}

/** Nanoseconds since the epoch: more digits than a number has. */
function toNanoseconds(ms: number): string {
  const wholeMs = Math.floor(ms);
  const rest = Math.floor((ms - wholeMs) * 1_000_000);
  return String(BigInt(wholeMs) * 1_000_000n + BigInt(rest));
}
