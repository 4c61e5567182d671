import { isDigest, type Digest } from "./digest.ts";
import { isRepositoryName, isTag } from "./reference.ts";

/**
 * What a request path asks for, in the terms of the distribution specification.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints
 */
export type Route =
  | { readonly kind: "ping" }
  | { readonly kind: "manifest"; readonly repository: string; readonly reference: string }
  | { readonly kind: "blob"; readonly repository: string; readonly digest: Digest }
  | { readonly kind: "upload"; readonly repository: string }
  | { readonly kind: "tags"; readonly repository: string }
  | { readonly kind: "referrers"; readonly repository: string }
  | { readonly kind: "catalog" }
  | { readonly kind: "invalid"; readonly code: "NAME_INVALID" | "DIGEST_INVALID" | "MANIFEST_INVALID" | "UNSUPPORTED" };

const NAMED = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/([^/]+)$/;
// An upload's session is opaque. One segment of RFC 3986 §3.3, but none that anybody could read as `.` or `..`: with a dot
// in front, with parameters (";"), or encoded twice ("%").
const UPLOAD = /^\/v2\/(.+)\/blobs\/uploads\/(?:[\w~!$&'()*+,=:@-][\w~.!$&'()*+,=:@-]*)?$/;

/**
 * Reads the path of a request target (no query). Percent-encoded characters are decoded first. Never throws. No path
 * with a route has, once decoded, a dot segment, an empty segment inside, a "%" or a backslash: whoever decodes or
 * normalises it again gets the same path.
 */
export function parseRoute(path: string): Route {
  const decoded = decodePath(path);
  if (decoded === undefined) return { kind: "invalid", code: "UNSUPPORTED" };
  if (decoded === "/v2/" || decoded === "/v2") return { kind: "ping" };
  if (decoded === "/v2/_catalog") return { kind: "catalog" };
  const upload = UPLOAD.exec(decoded);
  if (upload) return named(upload[1] ?? "", (repository) => ({ kind: "upload", repository }));
  const match = NAMED.exec(decoded);
  if (!match) return { kind: "invalid", code: "UNSUPPORTED" };
  const [, name = "", endpoint = "", last = ""] = match;
  return named(name, (repository) => parseEndpoint(repository, endpoint, last));
}

function parseEndpoint(repository: string, endpoint: string, last: string): Route {
  switch (endpoint) {
    case "manifests":
      if (!isTag(last) && !isDigest(last)) return { kind: "invalid", code: "MANIFEST_INVALID" };
      return { kind: "manifest", repository, reference: last };
    case "blobs":
      if (!isDigest(last)) return { kind: "invalid", code: "DIGEST_INVALID" };
      return { kind: "blob", repository, digest: last };
    case "referrers":
      return isDigest(last) ? { kind: "referrers", repository } : { kind: "invalid", code: "DIGEST_INVALID" };
    default:
      return last === "list" ? { kind: "tags", repository } : { kind: "invalid", code: "UNSUPPORTED" };
  }
}

function named(name: string, route: (repository: string) => Route): Route {
  return isRepositoryName(name) ? route(name) : { kind: "invalid", code: "NAME_INVALID" };
}

function decodePath(path: string): string | undefined {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
