import type { RefusalReason } from "../pull/transfer-event.ts";
import { headerValue } from "../upstream/raw-headers.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { countHeaders, hasCleanFraming, hasHeader } from "./headers.ts";
import type { Listener } from "./listener.ts";
import type { RequestHead } from "./plain-request.ts";
import type { Target } from "./resolve-registry.ts";

/** Why a request is turned away, and what its client is told: the setting to change, if there is one. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly message: string;
  /** Instead of those that the reason has by itself. */
  readonly headers?: readonly string[];
}

export interface RefusalInput {
  readonly request: RequestHead;
  readonly listener: Listener;
  readonly target: Target;
  readonly upstream: Upstream | undefined;
  /** There are more connections or transfers than there may be. */
  readonly isOverloaded: boolean;
  /** The process is about to end, and the request belongs to no pull that is under way. */
  readonly isTooLate: boolean;
}

/** The first rule that forbids a request; undefined if none does. */
export function findRefusal(input: RefusalInput): Refusal | undefined {
  const { request, listener, target, upstream, isOverloaded, isTooLate } = input;
  const { registry, route, naming, malformed } = target;
  const method = request.method ?? "";
  if (isOverloaded) return OVERLOADED;
  if (!hasCleanFraming(request.rawHeaders)) {
    return { reason: "bad_request", message: "the request says in two ways where its body ends" };
  }
  if (!VERSIONS.has(request.httpVersion)) {
    return { reason: "bad_request", message: "only HTTP/1.1 and HTTP/1.0 are spoken here" };
  }
  if (request.httpVersion === "1.1" && countHeaders(request.rawHeaders, "host") !== 1) {
    // RFC 9112 §3.2
    return { reason: "bad_request", message: "an HTTP/1.1 request has exactly one Host header" };
  }
  if (!HAS_BODY.has(method) && hasBody(request)) {
    return { reason: "bad_request", message: `a ${method} request has no body here` };
  }
  if (route.kind === "invalid") return OF_INVALID_ROUTE[route.code];
  if (malformed) {
    return { reason: "unknown_registry", message: "the request's registry is not host[:port], or there are several" };
  }
  if (route.kind === "upload" && !listener.allowPush) {
    return { reason: "method", message: "uploads are not forwarded without allowPush", headers: ["Allow", ""] };
  }
  if (!PULL_METHODS.has(method) && !(listener.allowPush && PUSH_METHODS.has(method))) {
    return { reason: "method", message: `method ${method} is not forwarded: only GET and HEAD are without allowPush` };
  }
  if (naming === undefined) {
    return route.kind === "ping" && PULL_METHODS.has(method) ? undefined : NO_REGISTRY;
  }
  if (upstream === undefined) {
    return {
      reason: "unknown_registry",
      message: `registry ${registry} is not allowed: name it in registries, or match it with allowRegistries`,
    };
  }
  if (isTooLate) return { reason: "draining", message: "this process is stopping and takes no new pulls" };
  return undefined;
}

/** True for what pulls are made of; everything else goes to the registry as it is. */
export function isPull(request: RequestHead, { route }: Target): boolean {
  const isPullRoute = route.kind === "ping" || route.kind === "manifest" || route.kind === "blob";
  return isPullRoute && PULL_METHODS.has(request.method ?? "");
}

// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints
const PULL_METHODS = new Set(["GET", "HEAD"]);
const PUSH_METHODS = new Set(["POST", "PUT", "PATCH", "DELETE"]);
// The parser takes 0.9 and 2.0 too. RFC 9112 §2.3
const VERSIONS = new Set(["1.0", "1.1"]);
const HAS_BODY = new Set(["POST", "PUT", "PATCH"]);

export const OVERLOADED: Refusal = {
  reason: "overloaded",
  message: "too much is asked for at once; see limits.connections and limits.transfers",
};

const NO_REGISTRY: Refusal = {
  reason: "unknown_registry",
  message: "the request names no registry: use ?ns=HOST, a listener with its own registry, or /v2/HOST/NAME/…",
};

const OF_INVALID_ROUTE: Readonly<Record<string, Refusal>> = {
  NAME_INVALID: { reason: "bad_name", message: "this is no repository name" },
  DIGEST_INVALID: { reason: "bad_digest", message: "this is no digest" },
  MANIFEST_INVALID: { reason: "bad_reference", message: "this is neither a tag nor a digest" },
  UNSUPPORTED: { reason: "bad_path", message: "this path is no endpoint of a registry" },
};

function hasBody({ rawHeaders }: RequestHead): boolean {
  return hasHeader(rawHeaders, "transfer-encoding") || Number(headerValue(rawHeaders, "content-length") ?? 0) > 0;
}
