import { parseRegistryHost } from "../oci/registry-host.ts";
import { parseRoute, type Route } from "../oci/route.ts";
import { headerValue, type RawHeaders } from "../upstream/raw-headers.ts";

/** How a request named its registry; clients follow a `Location` the same way. */
export type Naming = "query" | "header" | "listener" | "path";

/** What a request asks for, and of whom. */
export interface Target {
  /** host[:port], lower-case; empty if the request names none. */
  readonly registry: string;
  readonly naming?: Naming;
  readonly route: Route;
  /** Path and query as they go on to the registry: every byte as it came but for the registry's name. */
  readonly path: string;
  /** The name of the registry cannot be read, or there are several. */
  readonly malformed: boolean;
}

// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#registry-proxying defines `ns`;
// the header is what Spegel and others take where a query cannot be set.
const NAMESPACE_QUERY = "ns";
export const NAMESPACE_HEADER = "oci-namespace";

const API = "/v2/";

/**
 * Reads a request target (RFC 9112 §3.2.1: path and query). What a request says itself goes before the listener's
 * registry: a client that is pointed at the wrong listener must not get another registry's image of the same name.
 */
export function resolveTarget(url: string, headers: RawHeaders, listenerRegistry: string | undefined): Target {
  const { path, names } = takeNamespace(url);
  const header = headerValue(headers, NAMESPACE_HEADER);
  if (names.length > 0) return named("query", path, names.length === 1 ? names[0] : undefined);
  if (header !== undefined) return named("header", path, header.trim());
  if (listenerRegistry !== undefined) {
    return { registry: listenerRegistry, naming: "listener", route: routeOf(path), path, malformed: false };
  }
  return fromPathPrefix(path);
}

function named(naming: Naming, path: string, name: string | undefined): Target {
  const registry = name === undefined ? undefined : parseRegistryHost(name);
  return { registry: registry ?? "", naming, route: routeOf(path), path, malformed: registry === undefined };
}

// A first segment with a dot or a port, or `localhost`, is a host: the rule that image references have.
// https://github.com/distribution/reference/blob/v0.6.0/normalize.go
const HOST_SEGMENT = /[.:]|^localhost$/;

function fromPathPrefix(path: string): Target {
  const end = path.startsWith(API) ? path.indexOf("/", API.length) : -1;
  const segment = end === -1 ? "" : (decode(path.slice(API.length, end)) ?? "");
  if (!HOST_SEGMENT.test(segment)) return { registry: "", route: routeOf(path), path, malformed: false };
  return named("path", `${API}${path.slice(end + 1)}`, segment);
}

/** Takes `ns` off the query and leaves every other byte as it was. */
function takeNamespace(url: string): { readonly path: string; readonly names: readonly (string | undefined)[] } {
  const question = url.indexOf("?");
  if (question === -1) return { path: url, names: [] };
  const parameters = url.slice(question + 1).split("&");
  const kept = parameters.filter((parameter) => !isNamespace(parameter));
  if (kept.length === parameters.length) return { path: url, names: [] };
  const names = parameters.filter(isNamespace).map((parameter) => decode(parameter.slice(NAMESPACE_QUERY.length + 1)));
  const query = kept.length === 0 ? "" : `?${kept.join("&")}`;
  return { path: `${url.slice(0, question)}${query}`, names };
}

function isNamespace(parameter: string): boolean {
  return parameter.startsWith(`${NAMESPACE_QUERY}=`);
}

function routeOf(target: string): Route {
  const question = target.indexOf("?");
  return parseRoute(question === -1 ? target : target.slice(0, question));
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Makes the `Location` of an upload lead back through the proxy, in the way in which the client named the registry.
 * A Location on any other origin is left as it is.
 */
export function throughProxy(location: string, origin: URL, target: Pick<Target, "naming" | "registry">): string {
  const path = location.startsWith(`${origin.origin}/`) ? location.slice(origin.origin.length) : location;
  if (!path.startsWith("/") || path.startsWith("//")) return location;
  if (target.naming === "path" && path.startsWith(API)) return `${API}${target.registry}/${path.slice(API.length)}`;
  if (target.naming !== "query") return path;
  const parameter = `${NAMESPACE_QUERY}=${encodeURIComponent(target.registry)}`;
  return `${path}${path.includes("?") ? "&" : "?"}${parameter}`;
}
