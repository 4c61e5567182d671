import { assignBlob, assignBlobHead } from "./assign-blob.ts";
import { assignManifest, sideLookup, type Assignment } from "./assign.ts";
import type { PullRequest } from "./candidates.ts";
import type { TransferStarted } from "./transfer-event.ts";

export function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** False for requests that belong to no pull whatever their client does: they are no reason to remember one. */
export function mayConcernPull({ route }: TransferStarted): boolean {
  return route.kind !== "tags" && route.kind !== "catalog" && route.kind !== "invalid";
}

/** To which pull a request belongs that is no ping. */
export function assign(request: PullRequest): Assignment {
  const { route, method } = request.event;
  switch (route.kind) {
    case "manifest":
      return isRead(method) ? assignManifest(request) : { kind: "none", reason: "push" };
    case "blob":
      if (!isRead(method)) return { kind: "none", reason: "push" };
      return method === "GET" ? assignBlob(request) : assignBlobHead(request);
    case "upload":
      return { kind: "none", reason: "push" };
    case "referrers":
      return sideLookup(request);
    case "ping":
    case "tags":
    case "catalog":
    case "invalid":
      return { kind: "none", reason: "other" };
  }
}
