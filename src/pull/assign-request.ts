import { assignBlob, assignBlobHead } from "./assign-blob.ts";
import { assignManifest, sideLookup, type Assignment, type PullRequest } from "./assign.ts";

/** To which pull a request belongs that is no ping. */
export function assign(request: PullRequest): Assignment {
  const { route, method } = request.event;
  const isRead = method === "GET" || method === "HEAD";
  switch (route.kind) {
    case "manifest":
      return isRead ? assignManifest(request) : { kind: "none", reason: "push" };
    case "blob":
      if (!isRead) return { kind: "none", reason: "push" };
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
