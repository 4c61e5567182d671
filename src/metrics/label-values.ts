import type { AuthKind } from "../pull/credentials.ts";
import type { Cause, Failure, Status } from "../pull/outcome.ts";
import type { Phase } from "../pull/phases.ts";
import type { Bound, EndRule, UnassignedReason } from "../pull/pull-event.ts";
import type { RefusalReason, TransferStarted, Trigger } from "../pull/transfer-event.ts";

// The closed sets of label values. Records, because the compiler then knows that none is missing.

export const TRIGGERS = valuesOf<Trigger>({ execution: true, warmup: true });

export const STATUSES = valuesOf<Status>({ ok: true, user_error: true, timeout: true, canceled: true, error: true });

export const UNASSIGNED_REASONS = valuesOf<UnassignedReason>({
  no_pull: true,
  inspection: true,
  side_lookup: true,
  push: true,
  other: true,
  unclaimed_ping: true,
});

export const BOUNDS = valuesOf<Bound>({
  pulls: true,
  blobs: true,
  connections: true,
  transfers: true,
  pings: true,
  manifests: true,
  clients: true,
});

export const REFUSAL_REASONS = valuesOf<RefusalReason>({
  unknown_registry: true,
  address: true,
  method: true,
  bad_name: true,
  bad_digest: true,
  bad_reference: true,
  bad_path: true,
  bad_request: true,
  tls_on_plain_port: true,
  plain_on_tls_port: true,
  tls_handshake: true,
  head_too_large: true,
  head_timeout: true,
  body_timeout: true,
  unauthenticated: true,
  overloaded: true,
  draining: true,
});

const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

const FAILURES = valuesOf<Failure>({
  refused: true,
  dns: true,
  connect: true,
  tls: true,
  header_timeout: true,
  stalled: true,
  truncated: true,
  digest_mismatch: true,
  client_aborted: true,
  shutdown: true,
  proxy: true,
});

export const OUTCOMES: readonly string[] = [...CLASSES, ...FAILURES];

export const AUTH_KINDS = valuesOf<AuthKind>({
  none: true,
  basic: true,
  bearer_anonymous: true,
  bearer: true,
  opaque: true,
});

export const END_RULES = valuesOf<EndRule>({
  settled: true,
  connections_closed: true,
  failed: true,
  capped: true,
  flushed: true,
  dropped: true,
});

/** Of pulls that failed. */
export const CAUSES = valuesOf<Exclude<Cause, "none">>({
  not_found: true,
  unauthorized: true,
  denied: true,
  bad_request: true,
  rate_limited: true,
  upstream_5xx: true,
  refused: true,
  dns: true,
  connect: true,
  tls: true,
  header_timeout: true,
  stalled: true,
  truncated: true,
  digest_mismatch: true,
  client_aborted: true,
  shutdown: true,
  proxy: true,
});

export const PHASES = valuesOf<Phase>({
  resolve: true,
  auth: true,
  manifest: true,
  config: true,
  layers: true,
  first_byte: true,
  commit: true,
});

/** Who is waited for. */
export const SIDES = ["upstream", "client"] as const;

/** Of comparing a blob's bytes with its digest. */
export const RESULTS = ["match", "mismatch", "skipped"] as const;

/** What was repeated, when an upstream failed. */
export const REPEATED = ["request", "body"] as const;

export const BOOLEANS = ["true", "false"] as const;

/** Labels whose values are capped, not closed; two are of all labels of a pull, or of a request, together; one is of the registries of phases. */
export const CAPPED_LABELS = [
  "registry",
  "phase_registry",
  "isolation",
  "trigger",
  "serving_domain",
  "combination",
  "request_combination",
] as const;

/** What a request asks for. `push` is every method but GET and HEAD. */
export const OPERATIONS = [
  "ping",
  "manifest_head",
  "manifest_get",
  "blob_head",
  "blob_get",
  "push",
  "other",
  "invalid",
] as const;

export type Operation = (typeof OPERATIONS)[number];

export function operationOf({ method, route }: Pick<TransferStarted, "method" | "route">): Operation {
  if (route.kind === "invalid") return "invalid";
  if (method !== "GET" && method !== "HEAD") return "push";
  switch (route.kind) {
    case "ping":
      return "ping";
    case "manifest":
      return method === "HEAD" ? "manifest_head" : "manifest_get";
    case "blob":
      return method === "HEAD" ? "blob_head" : "blob_get";
    case "upload":
    case "tags":
    case "referrers":
    case "catalog":
      return "other";
  }
}

export type Outcome = (typeof CLASSES)[number] | Failure;

/** The class of a status. What is no status at all (some servers send 999) counts as the upstream's error. */
export function outcomeOfStatus(status: number): Outcome {
  if (status < 100 || status >= 500) return "5xx";
  if (status < 200) return "1xx";
  if (status < 300) return "2xx";
  return status < 400 ? "3xx" : "4xx";
}

function valuesOf<Value extends string>(values: Readonly<Record<Value, true>>): readonly string[] {
  return Object.keys(values);
}
