import { isDigest } from "../oci/digest.ts";
import { isImageConfigMediaType } from "../oci/media-type.ts";
import type { Role } from "./content.ts";
import { joinedBy } from "./join.ts";
import { setRoot, type Ledger } from "./learn.ts";
import type { Pull } from "./pull.ts";
import type { Transfer } from "./transfer.ts";
import type { TransferStarted } from "./transfer-event.ts";

// What requests do to the pull that they belong to.

/** A request of `pull` began. Returns its `transfer`, with what is to be remembered until its end. */
export function begin(ledger: Ledger, pull: Pull, event: TransferStarted, transfer: Transfer): Transfer {
  const nowMs = transfer.startMs;
  transfer.pull = pull;
  pull.noteCredentials(event.credentials);
  if (pull.open === 0) pull.client.pace.note(nowMs - pull.lastEventMs);
  pull.open += 1;
  if (pull.transfers.length < ledger.settings.maxTransfersPerPull) pull.transfers.push(event.transfer);
  pull.client.countOpen(1, nowMs);
  pull.touch(nowMs);
  const purpose = purposeOf(pull, event);
  pull.phases.request(purpose, roleOf(pull, event), nowMs);
  const reference = referenceOf(event);
  transfer.purpose = purpose;
  if (purpose === "beside") return transfer;
  const content = beginContent(ledger, pull, event, nowMs);
  if (purpose === "resolve") {
    pull.resolve.open += 1;
    pull.resolve.authorised = event.credentials !== "none";
    pull.apply("resolve_started");
  } else {
    if (pull.state === "waiting") noteFetch(pull, nowMs);
    pull.apply("fetch_started");
  }
  if (purpose !== "blob" && content !== undefined) noteManifestRequest(ledger, pull, event, reference);
  const digest = isDigest(reference) ? reference : undefined;
  const fetching = event.method === "GET" && digest !== undefined;
  if (fetching) {
    pull.client.countFetch(digest, pull, 1);
    for (const other of joinedBy(pull, digest, nowMs, ledger.settings)) other.joined = true;
  }
  transfer.content = content;
  transfer.digest = digest;
  transfer.fetching = fetching;
  return transfer;
}

/** The first request after a HEAD: pulls that were resolved before and did not fetch have it all. */
function noteFetch({ client, resolve, resolvedFreeMs }: Pull, nowMs: number): void {
  client.fetchPace.note(client.freeMs(nowMs) - resolvedFreeMs);
  client.fetchedResolvedMs = Math.max(client.fetchedResolvedMs, resolve.endMs);
}

function purposeOf(pull: Pull, event: TransferStarted): Transfer["purpose"] {
  const { route, method } = event;
  if (route.kind === "blob") return method === "GET" ? "blob" : "beside";
  if (route.kind !== "manifest") return "beside";
  const isReference = route.reference === pull.birth.reference;
  if (isReference && (method === "HEAD" || !pull.wasResolved)) return "resolve";
  if (isDigest(route.reference)) return method === "GET" ? "manifest" : "beside";
  return isReference ? "manifest" : "beside";
}

export function referenceOf(event: TransferStarted): string {
  if (event.route.kind === "manifest") return event.route.reference;
  return event.route.kind === "blob" ? event.route.digest : "";
}

function beginContent(ledger: Ledger, pull: Pull, event: TransferStarted, nowMs: number): Transfer["content"] {
  const key = referenceOf(event);
  if (!pull.asked(key) && pull.contents.size >= ledger.settings.maxBlobsPerPull) {
    ledger.blobRefused();
    return undefined;
  }
  const content = pull.content(key, roleOf(pull, event), nowMs);
  content.requests += 1;
  content.open += 1;
  content.failure = undefined;
  if (isDigest(key)) content.sizeBytes ??= pull.expected.get(key)?.sizeBytes;
  return content;
}

function roleOf(pull: Pull, event: TransferStarted): Role {
  if (event.route.kind !== "blob") return "manifest";
  const expected = pull.expected.get(event.route.digest);
  if (expected !== undefined) return expected.role;
  // containerd asks for a blob by its exact media type.
  const mediaType = event.accept.split(",", 1)[0]?.trim() ?? "";
  if (isImageConfigMediaType(mediaType)) return "config";
  return /\.layer\.|\.diff\.tar/.test(mediaType) ? "layer" : "unknown";
}

function noteManifestRequest(ledger: Ledger, pull: Pull, event: TransferStarted, reference: string): void {
  if (event.method !== "GET") return;
  pull.askedManifests.add(reference);
  if (isDigest(reference) && pull.rootDigest === undefined) setRoot(ledger, pull, reference);
}
