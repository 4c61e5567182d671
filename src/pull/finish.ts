import { isDigest } from "../oci/digest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Content } from "./content.ts";
import { statusOfCause, type Cause } from "./outcome.ts";
import { toPhases } from "./phases.ts";
import type { EndRule, FinishedPull, LivePull, OnDiskKind } from "./pull-event.ts";
import type { Pull } from "./pull.ts";

/** Turns a pull that is over into the one observation that is made of it. */
export function toFinishedPull(pull: Pull, endRule: EndRule, decidedMs: number): FinishedPull {
  const finished = observe(pull, endRule, decidedMs);
  return { ...finished, phases: toPhases(pull.phases.parts, finished) };
}

function observe(pull: Pull, endRule: EndRule, decidedMs: number): FinishedPull {
  const { birth, client } = pull;
  const cause = endRule === "dropped" ? "proxy" : causeOf(pull, endRule);
  const blobs = [...pull.contents.values()];
  const layersRequested = blobs.filter((content) => isRequestedLayer(pull, content)).length;
  const onDisk = cause === "none" && layersRequested === 0 && !pull.joined;
  const skipped = findLayersOnDisk(pull);
  return {
    id: birth.id,
    registry: birth.registry,
    repository: birth.repository,
    reference: birth.reference,
    listener: birth.listener,
    client: {
      address: client.address,
      family: client.behaviour.family,
      userAgent: birth.userAgent,
      ...(birth.peerProcess === undefined ? {} : { process: birth.peerProcess }),
    },
    ...(birth.traceId === undefined ? {} : { traceId: birth.traceId }),
    ...(birth.traceParent === undefined ? {} : { traceParent: birth.traceParent }),
    isolation: birth.isolation ?? client.behaviour.family,
    trigger: birth.trigger ?? "execution",
    cause,
    status: statusOfCause(cause),
    onDisk,
    ...(onDisk ? { onDiskKind: onDiskKind(pull) } : {}),
    joined: pull.joined,
    hasCreds: pull.hasCreds,
    opaqueToken: pull.opaqueToken,
    auth: pull.auth,
    ...(pull.rateLimit === undefined ? {} : { rateLimit: pull.rateLimit }),
    attempts: pull.attempts,
    startMs: pull.startMs,
    ...endOf(pull, cause),
    ...(client.behaviour.holdsConnections && pull.lastCloseMs !== undefined ? { lastCloseMs: pull.lastCloseMs } : {}),
    decidedMs,
    endRule,
    ...(pull.rootDigest === undefined ? {} : { rootDigest: pull.rootDigest }),
    bytes: pull.bytes,
    layersRequested,
    ...(skipped === undefined ? {} : { layersOnDisk: skipped.layers, bytesOnDisk: skipped.bytes }),
    blobs: blobs.map((content) => content.toFinishedBlob()),
    transfers: pull.transfers,
  };
}

/** A pull that went well waited for what others fetched for it; one that failed was over with its own last response. */
function endOf(pull: Pull, cause: Cause): Pick<FinishedPull, "endMs" | "ownEndMs"> {
  if (cause !== "none" || pull.sharedEndMs <= pull.endMs) return { endMs: pull.endMs };
  return { endMs: pull.sharedEndMs, ownEndMs: pull.endMs };
}

/**
 * The last failure that was not made good. Downloads that a client aborts after another one failed are a consequence
 * of that failure, so an abort counts only where nothing else failed.
 */
export function causeOf(pull: Pull, endRule: EndRule): Cause {
  const failures = [...pull.contents.values()].filter((content) => isUnrecovered(pull, content));
  const own = failures.filter((content) => content.failure?.cause !== "client_aborted");
  const [last] = (own.length > 0 ? own : failures).toSorted(
    (left, right) => (right.failure?.atMs ?? 0) - (left.failure?.atMs ?? 0),
  );
  if (last?.failure !== undefined) return last.failure.cause;
  // Whoever still waits to be decided when the process ends would have gone on.
  if (endRule === "flushed") return isWhole(pull) ? "none" : "shutdown";
  return pull.open > 0 ? "proxy" : "none";
}

/** It has all that its manifests list, so nothing more can come. */
export function isWhole(pull: Pull): boolean {
  return pull.open === 0 && pull.isComplete();
}

/** It came when the process was about to end, and its client is elsewhere. */
export function wasTurnedAway(pull: Pull): boolean {
  for (const { failure } of pull.contents.values()) if (failure?.cause === "shutdown") return true;
  return false;
}

function isUnrecovered(pull: Pull, content: Content): boolean {
  if (content.failure === undefined) return false;
  // Any manifest that came later made a failed resolve good.
  if (content.key !== pull.birth.reference) return true;
  return pull.manifestOkMs === undefined || pull.manifestOkMs < content.failure.atMs;
}

/** What no manifest lists counts as a layer if it delivered something: it is no sign of an image on disk. */
export function isRequestedLayer(pull: Pull, content: Content): boolean {
  if (content.role === "layer") return true;
  if (content.role !== "unknown" || content.deliveredBytes === 0) return false;
  return !isDigest(content.key) || !pull.expected.has(content.key);
}

/** Layers of the pull's own platform that it did not ask for: of the image it asked most of. A layer may be listed twice. */
function findLayersOnDisk(pull: Pull): { readonly layers: number; readonly bytes: number } | undefined {
  let best: { readonly asked: number; readonly skipped: readonly Descriptor[] } | undefined;
  for (const image of pull.images.values()) {
    const skipped = image.layers.filter((layer) => !pull.asked(layer.digest));
    const asked = image.layers.length - skipped.length;
    if (best === undefined || asked > best.asked) best = { asked, skipped };
  }
  if (best === undefined) return undefined;
  const sizes = new Map(best.skipped.map(({ digest, size }) => [digest, size]));
  return { layers: best.skipped.length, bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0) };
}

function onDiskKind(pull: Pull): OnDiskKind {
  for (const content of pull.contents.values()) if (content.role === "config") return "config_only";
  if (pull.manifestOkMs !== undefined) return "manifest_only";
  return pull.claimedPing ? "ping_head" : "head_only";
}

export function toLivePull(pull: Pull): LivePull {
  const { birth, client } = pull;
  return {
    id: birth.id,
    registry: birth.registry,
    repository: birth.repository,
    reference: birth.reference,
    listener: birth.listener,
    client: { address: client.address, family: client.behaviour.family, userAgent: birth.userAgent },
    state: pull.state,
    startMs: pull.startMs,
    lastEventMs: pull.lastEventMs,
    attempts: pull.attempts,
    openTransfers: pull.open,
    bytes: pull.bytes,
    layersRequested: [...pull.contents.values()].filter((content) => isRequestedLayer(pull, content)).length,
  };
}
