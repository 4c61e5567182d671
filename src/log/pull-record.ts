import { observedRegistry } from "../label/observed-registry.ts";
import { isDigest } from "../oci/digest.ts";
import { bytesPerSecond, slowestLayer } from "../pull/layer-speed.ts";
import type { FinishedBlob, FinishedPull } from "../pull/pull-event.ts";
import { redactText } from "./redact.ts";

/** Of the pull log and of /api/pulls. A field that changes its meaning, or goes, makes it v2; new fields do not. */
export const PULL_SCHEMA = "pullmeter.pull/v1";

export type PullRecord = ReturnType<typeof toPullRecord>;

const NONE: ReadonlySet<string> = new Set();

/**
 * What is told of one finished pull: every label, and what no label may hold. docs/pull-log.md describes each field.
 * `configured`: registries (host[:port]) that keep their label when they are refused.
 */
export function toPullRecord(pull: FinishedPull, configured = NONE) {
  return {
    schema: PULL_SCHEMA,
    id: pull.id,
    isolation: redactText(pull.isolation),
    registry: observedRegistry(pull.registry, pull.cause, configured),
    status: pull.status,
    on_disk: pull.onDisk,
    has_creds: pull.hasCreds,
    trigger: pull.trigger,
    cause: pull.cause,
    attempts: pull.attempts,
    joined: pull.joined,
    on_disk_kind: pull.onDiskKind,
    opaque_token: pull.opaqueToken,
    auth: pull.auth,
    end_rule: pull.endRule,
    registry_host: registryHost(pull.registry),
    repository: redactText(pull.repository),
    reference: redactText(pull.reference),
    root_digest: pull.rootDigest,
    listener: redactText(pull.listener),
    client_address: redactText(pull.client.address),
    client_family: redactText(pull.client.family),
    client_process: pull.client.process,
    user_agent: shorten(redactText(pull.client.userAgent)),
    trace_id: pull.traceId,
    start: isoTime(pull.startMs),
    transfer_end: isoTime(pull.endMs),
    last_connection_close: isoTime(pull.lastCloseMs),
    decided: isoTime(pull.decidedMs),
    duration_ms: difference(pull.startMs, pull.endMs),
    phases_ms: toPhasesRecord(pull.phases),
    bytes: pull.bytes,
    requests: pull.transfers.length,
    layers_requested: pull.layersRequested,
    layers_on_disk: pull.layersOnDisk,
    bytes_on_disk: pull.bytesOnDisk,
    slowest_layer: toLayerRecord(slowestLayer(pull.blobs)),
    rate_limit: toRateLimitRecord(pull.rateLimit),
    blobs: pull.blobs.map((blob) => toBlobRecord(blob, pull)),
  };
}

/** Undefined for a request that named no registry. */
export function registryHost(registry: string): string | undefined {
  return registry === "" ? undefined : redactText(registry);
}

function toPhasesRecord(phases: FinishedPull["phases"]) {
  if (phases === undefined) return undefined;
  return Object.fromEntries(Object.entries(phases).map(([phase, spentMs]) => [phase, difference(0, spentMs)]));
}

function toLayerRecord(layer: FinishedBlob | undefined) {
  if (layer === undefined) return undefined;
  const speed = bytesPerSecond(layer);
  return {
    digest: isDigest(layer.digest) ? layer.digest : undefined,
    size: layer.sizeBytes,
    duration_ms: difference(layer.startMs, layer.endMs),
    bytes_per_second: speed === undefined ? undefined : Math.round(speed),
    serving_host: layer.servingHost === undefined ? undefined : redactText(layer.servingHost),
  };
}

function toRateLimitRecord(rateLimit: FinishedPull["rateLimit"]) {
  if (rateLimit === undefined) return undefined;
  const { limit, remaining, windowSeconds, source } = rateLimit;
  return { limit, remaining, window_seconds: windowSeconds, source };
}

function toBlobRecord(blob: FinishedBlob, pull: FinishedPull) {
  return {
    role: blob.role,
    digest: digestOf(blob, pull),
    size: blob.sizeBytes,
    bytes: blob.deliveredBytes,
    done: blob.done,
    requests: blob.requests,
    last_status: blob.lastStatus,
    start_ms: difference(pull.startMs, blob.startMs),
    first_byte_ms: difference(blob.startMs, blob.firstByteMs),
    duration_ms: difference(blob.startMs, blob.endMs),
    serving_host: blob.servingHost === undefined ? undefined : redactText(blob.servingHost),
  };
}

/** A manifest that was asked for by its tag has the digest of what was delivered, if anything was. */
function digestOf({ digest }: FinishedBlob, { reference, rootDigest }: FinishedPull): string | undefined {
  if (isDigest(digest)) return digest;
  return digest === reference ? rootDigest : undefined;
}

/** Milliseconds to the microsecond: the clock tells no more. */
export function difference(fromMs: number, toMs: number | undefined): number | undefined {
  return toMs === undefined ? undefined : Math.round((toMs - fromMs) * 1000) / 1000;
}

/** ISO 8601 in UTC with milliseconds. Undefined for what is no time: an observer never throws. */
export function isoTime(ms: number | undefined): string | undefined {
  const time = new Date(ms ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** 256 characters: the longest real one in use has 180. */
const MAX_USER_AGENT_LENGTH = 256;

function shorten(userAgent: string): string {
  return userAgent.length > MAX_USER_AGENT_LENGTH ? `${userAgent.slice(0, MAX_USER_AGENT_LENGTH)}…` : userAgent;
}
