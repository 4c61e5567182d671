import { isDigest } from "../oci/digest.ts";
import {
  askedFor,
  candidates,
  first,
  inOrder,
  needing,
  ofReference,
  repositoryOf,
  type PullRequest,
} from "./candidates.ts";
import type { AnsweredPing } from "./pings.ts";
import type { UnassignedReason } from "./pull-event.ts";
import type { Pull } from "./pull.ts";
import type { TrackerSettings } from "./settings.ts";

/** To which pull a request belongs. */
export type Assignment =
  | { readonly kind: "bind"; readonly pull: Pull }
  /** A new pull begins, with the ping that announced it. */
  | { readonly kind: "open"; readonly ping: AnsweredPing | undefined }
  /** The client repeats a whole pull that failed. */
  | { readonly kind: "retry"; readonly pull: Pull; readonly ping: AnsweredPing | undefined }
  | { readonly kind: "none"; readonly reason: UnassignedReason };

/** The decision list for `HEAD` and `GET manifests/REFERENCE`. `docs/pull-states.md` has the same list in words. */
export function assignManifest(request: PullRequest): Assignment {
  const { event } = request;
  const strong = byTrace(request) ?? byConnection(request);
  if (strong !== undefined) return strong;
  if (request.client.isPushing(request.repository, request.nowMs)) return { kind: "none", reason: "push" };
  if (isSideLookup(request.reference)) return sideLookup(request);
  if (event.method === "HEAD") return repeatedHead(request) ?? open(request);
  const byDigest = isDigest(request.reference) ? fetchByDigest(request) : undefined;
  return byDigest ?? wholePullRetry(request) ?? repeatedGet(request) ?? open(request);
}

/** Signatures, attestations and SBOMs stored as tags beside an image: never a pull of their own. */
export function isSideLookup(reference: string): boolean {
  return /\.(?:sig|att|sbom)$|^sha256-[a-f0-9]{64}/.test(reference);
}

/** A look-up beside an image belongs to the newest live pull of the repository, if there is one. */
export function sideLookup(request: PullRequest): Assignment {
  const strong = byTrace(request) ?? byConnection(request);
  if (strong?.kind === "bind") return strong;
  const pull = candidates(request).at(-1);
  return pull === undefined ? { kind: "none", reason: "side_lookup" } : { kind: "bind", pull };
}

/** 1. One trace id is one pull. */
export function byTrace(request: PullRequest): Assignment | undefined {
  const { client, event, repository } = request;
  if (event.traceId === undefined) return undefined;
  const pull = client.byTrace(event.traceId, repository);
  if (pull !== undefined && !beginsAnew(request, pull)) return { kind: "bind", pull };
  return event.route.kind === "manifest" && !isSideLookup(request.reference) ? open(request) : undefined;
}

/** 2. One connection never carries two pulls. */
export function byConnection(request: PullRequest): Assignment | undefined {
  const pull = request.carried;
  if (pull === undefined || pull.birth.traceId !== request.event.traceId) return undefined;
  if (repositoryOf(pull) !== request.repository || beginsAnew(request, pull)) return undefined;
  return { kind: "bind", pull };
}

/** A resolve that no running pull sends: of another tag, or of a reference that it resolved already. */
function beginsAnew(request: PullRequest, pull: Pull): boolean {
  const { event, reference, client } = request;
  if (event.route.kind !== "manifest" || isSideLookup(reference)) return false;
  if (reference === pull.birth.reference) {
    if (event.method === "HEAD") return pull.resolvedByHead;
    return client.behaviour.unknown && pull.open === 0 && pull.isDone(reference);
  }
  if (!isDigest(reference)) return true;
  const isPart = pull.rootDigest === reference || pull.children.has(reference);
  return event.method === "HEAD" && pull.resolvedByHead && !isPart;
}

// 3. HEAD is always a resolve; only a challenge or a rate limit makes a client repeat it.
function repeatedHead(request: PullRequest): Assignment | undefined {
  const authorised = request.event.credentials !== "none";
  const pull = ofReference(request).find(
    ({ open: openNow, resolve }) =>
      openNow === 0 && resolve.failed && ((resolve.status === 401 && authorised) || resolve.status === 429),
  );
  return pull && { kind: "bind", pull };
}

// 4. GET by digest: the fetch after a resolve, or a child of an index.
function fetchByDigest(request: PullRequest): Assignment | undefined {
  const pull =
    answersChallenge(request) ??
    childOfIndex(request) ??
    rootOfWaiting(request) ??
    rootOfTag(request) ??
    failedRoot(request) ??
    adopts(request);
  return pull && { kind: "bind", pull };
}

// 4. The same request with credentials, after a challenge.
function answersChallenge(request: PullRequest): Pull | undefined {
  if (request.event.credentials === "none" || hasPing(request)) return undefined;
  const challenged = askedFor(request).filter((pull) => {
    const content = pull.contents.get(request.reference);
    return (
      content?.failure?.cause === "unauthorized" && content.open === 0 && pull.askedManifests.has(request.reference)
    );
  });
  return first(challenged, (pull) => pull.contents.get(request.reference)?.failure?.atMs ?? 0);
}

// 4a. A child of an index: the pull that could ask for it first.
function childOfIndex(request: PullRequest): Pull | undefined {
  const { client, reference } = request;
  const listing = needing(request).filter(
    (pull) =>
      isDigest(reference) &&
      pull.children.has(reference) &&
      pull.indexMs !== undefined &&
      !pull.askedManifests.has(reference) &&
      (client.behaviour.kind === "daemon" || !pull.configDone),
  );
  return first(listing, (pull) => pull.indexMs ?? 0);
}

// 4b. The root of a pull that a HEAD resolved: first answered, among those that are likely to be waiting, else among those
// that can be; else the newest.
function rootOfWaiting(request: PullRequest): Pull | undefined {
  if (request.client.behaviour.kind !== "daemon") return undefined;
  const resolved = needing(request).filter((pull) => pull.state === "waiting" && pull.rootDigest === request.reference);
  const { client, nowMs, settings } = request;
  const possible = resolved.filter((pull) => mayStillFetch(pull, nowMs, settings));
  const usualMs = client.fetchPace.usualMs(settings.waitingUsualMs);
  const likely = possible.filter((pull) => client.freeMs(nowMs) - pull.resolvedFreeMs <= usualMs);
  const waiting = likely.length > 0 ? likely : possible;
  return first([...waiting, ...resolvedElsewhere(request, resolved)], (pull) => pull.resolve.endMs) ?? resolved.at(-1);
}

/** Their HEAD failed here just now, and the registry told them the same digest as it told a pull of the same tag. */
function resolvedElsewhere(request: PullRequest, resolved: readonly Pull[]): readonly Pull[] {
  const { client, nowMs, settings } = request;
  const references = new Set(resolved.map(({ birth }) => birth.reference));
  const ofThem = [...references].flatMap((reference) => ofReference({ ...request, reference }));
  return inOrder(ofThem).filter(
    (pull) =>
      pull.state === "unresolved" &&
      pull.rootDigest === undefined &&
      pull.resolve.status !== 401 &&
      client.freeMs(nowMs) - pull.resolvedFreeMs < settings.waitingMs,
  );
}

/** A daemon that is free to send fetches within `waitingMs`, and before those that were resolved later. */
export function mayStillFetch(pull: Pull, nowMs: number, settings: TrackerSettings): boolean {
  const { client, resolve } = pull;
  return (
    pull.state === "waiting" &&
    client.freeMs(nowMs) - pull.resolvedFreeMs < client.fetchPace.windowMs(settings.waitingMs, settings.waitingMaxMs) &&
    client.fetchedResolvedMs - resolve.endMs < settings.overtakeMs
  );
}

// 4c. The root of a pull that read it by its tag and now asks again by digest.
function rootOfTag(request: PullRequest): Pull | undefined {
  if (request.client.behaviour.kind !== "daemon") return undefined;
  return needing(request).find(
    (pull) => pull.rootDigest === request.reference && !pull.askedManifests.has(request.reference),
  );
}

// 4d. The same request once more, after it failed.
function failedRoot(request: PullRequest): Pull | undefined {
  if (hasPing(request)) return undefined;
  return askedFor(request).find(
    (pull) => pull.open === 0 && pull.contents.get(request.reference)?.failure !== undefined,
  );
}

// 4e. The resolve was answered elsewhere: the pull without a root whose resolve failed last.
function adopts(request: PullRequest): Pull | undefined {
  const { client, nowMs, settings } = request;
  if (client.behaviour.kind !== "daemon") return undefined;
  const authorised = request.event.credentials !== "none";
  const rootless = candidates(request).filter(
    (pull) => pull.rootDigest === undefined && nowMs - pull.startMs < settings.adoptMs && pull.resolve.open === 0,
  );
  // A challenge is mostly answered here, with credentials; only who has them elsewhere fetches without.
  const challenged = (pull: Pull): boolean => pull.resolve.status === 401 && !authorised;
  const likely = rootless.filter((pull) => !challenged(pull));
  return first(likely.length > 0 ? likely : rootless, (pull) => -pull.resolve.endMs);
}

// 5a. A process that holds its connections closes them all when an attempt fails, and begins again with a ping.
function wholePullRetry(request: PullRequest): Assignment | undefined {
  const { client, settings } = request;
  if (client.behaviour.afterFailedBlob !== "repeats_pull") return undefined;
  const ping = findPing(request);
  if (ping === undefined) return undefined;
  const pull = ofReference(request).find((candidate) => {
    if (!isRepeatable(candidate)) return false;
    if (client.isOneProcess) return true;
    const quietSinceMs = closedMs(candidate);
    if (quietSinceMs === undefined) return false;
    const waitedMs = ping.startMs - quietSinceMs;
    return waitedMs >= settings.pullRetryFromMs && waitedMs <= settings.pullRetryToMs;
  });
  return pull && { kind: "retry", pull, ping };
}

/** When the last connection of a pull closed; undefined while one is open. */
function closedMs(pull: Pull): number | undefined {
  if (pull.open > 0) return undefined;
  if (!pull.client.sawClose || pull.connections.size === 0) return pull.endMs;
  return pull.openConnections === 0 ? pull.lastCloseMs : undefined;
}

/** libimage pulls once and retries three times, a second after each failure. */
// https://github.com/containers/common/blob/0bc30cd468ba012afbd84be9cbebba9ba365b732/libimage/copier.go (defaultMaxRetries)
const MAX_ATTEMPTS = 4;

/** It failed in a way after which containers/image with keep-alive begins again. */
export function isRepeatable(pull: Pull): boolean {
  return pull.attempts < MAX_ATTEMPTS && pull.state === "retrying";
}

// 5b. The same reference once more, after an answer that settles nothing.
function repeatedGet(request: PullRequest): Assignment | undefined {
  if (hasPing(request)) return undefined;
  const pull = ofReference(request).find(
    ({ resolve, rootDigest }) =>
      resolve.open === 0 && (resolve.failed || (resolve.status !== undefined && rootDigest === undefined)),
  );
  return pull && { kind: "bind", pull };
}

// 5c. Otherwise a new pull, which consumes a ping.
function open(request: PullRequest): Assignment {
  return { kind: "open", ping: findPing(request) };
}

function hasPing(request: PullRequest): boolean {
  return findPing(request) !== undefined;
}

function findPing(request: PullRequest): AnsweredPing | undefined {
  return request.client.pings.find(request.event.forwarded ? undefined : request.event.connection, request.nowMs);
}
