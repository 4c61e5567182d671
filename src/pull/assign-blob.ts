import { isDigest } from "../oci/digest.ts";
import { byConnection, byTrace, type Assignment } from "./assign.ts";
import { askedFor, candidates, first, needing, ofReference, type PullRequest } from "./candidates.ts";
import { hadConnectionToSpare } from "./connections.ts";
import type { Pull } from "./pull.ts";

/** The decision list for `GET blobs/DIGEST`. A blob never opens a pull. */
export function assignBlob(request: PullRequest): Assignment {
  const strong = byTrace(request) ?? byConnection(request);
  if (strong !== undefined) return strong;
  if (request.client.isPushing(request.repository, request.nowMs)) return { kind: "none", reason: "push" };
  const pull = resumed(request) ?? asksFirst(request) ?? incomplete(request)[0] ?? unseenManifest(request);
  return pull === undefined ? { kind: "none", reason: "no_pull" } : { kind: "bind", pull };
}

/** `HEAD blobs/DIGEST`: containerd looks for a missing manifest there too. It downloads nothing. */
export function assignBlobHead(request: PullRequest): Assignment {
  const strong = byTrace(request) ?? byConnection(request);
  if (strong !== undefined) return strong;
  if (request.client.isPushing(request.repository, request.nowMs)) return { kind: "none", reason: "push" };
  const [pull] = ofReference(request);
  return pull === undefined ? { kind: "none", reason: "no_pull" } : { kind: "bind", pull };
}

// 6a. A later part: the pull in which the blob is incomplete, rather one that lost it than one that is reading it.
function resumed(request: PullRequest): Pull | undefined {
  if ((request.event.rangeStart ?? 0) === 0) return undefined;
  // A daemon keeps what a cancelled pull has read, and goes on with it for the next one that waits for the blob.
  const running = incomplete(request).filter((pull) => !pull.wasAbandoned() && !wasRefused(pull, request.reference));
  if (request.client.behaviour.afterFailedBlob === "repeats_pull") return resumedAfterCut(request, running);
  return first(running, (pull) => {
    const content = pull.contents.get(request.reference);
    return content?.failure === undefined ? (content?.open ?? 0) + 1 : 0;
  });
}

/** containers/image goes on at the byte where the body was cut; among twins in the order of the cuts. */
function resumedAfterCut({ event, reference }: PullRequest, running: readonly Pull[]): Pull | undefined {
  const cut = running.filter((pull) => pull.contents.get(reference)?.cutMs !== undefined && !hasEnded(pull, reference));
  const exact = cut.filter((pull) => pull.contents.get(reference)?.offset === event.rangeStart);
  return first(exact.length > 0 ? exact : cut, (pull) => pull.contents.get(reference)?.cutMs ?? 0);
}

function hasEnded(pull: Pull, digest: string): boolean {
  return isDigest(digest) && pull.endings.has(digest);
}

function incomplete(request: PullRequest): readonly Pull[] {
  if ((request.event.rangeStart ?? 0) === 0) return [];
  return askedFor(request).filter((pull) => !pull.isDone(request.reference));
}

// 6b. A first request: of the pulls that can have sent it, the one whose turn it is.
function asksFirst(request: PullRequest): Pull | undefined {
  const able = needing(request).filter((pull) => canAsk(request, pull));
  return able.toSorted((left, right) => compare(request, left, right))[0];
}

function canAsk({ client, reference }: PullRequest, pull: Pull): boolean {
  if (!isDigest(reference)) return false;
  const expected = pull.expected.get(reference);
  if (expected === undefined) return false;
  if (client.behaviour.configFirst && expected.role !== "config" && !pull.configDone) return false;
  // What failed for good is not asked for again; the pull's other layers still are.
  if (isFailing(pull) && endsPull(pull, reference)) return false;
  if (wasRefused(pull, reference)) return false;
  // What was cut is asked for from there on, never from the start.
  if (client.behaviour.afterFailedBlob === "repeats_pull" && pull.contents.get(reference)?.cutMs !== undefined)
    return false;
  return !pull.wasAbandoned();
}

/** containerd gets a blob that failed here from the registry directly, and does not ask for it here again. */
function wasRefused(pull: Pull, digest: string): boolean {
  if (pull.client.behaviour.afterFailedBlob !== "asks_upstream") return false;
  const content = pull.contents.get(digest);
  const status = content?.lastStatus ?? 0;
  return content?.failure !== undefined && status >= 400 && status !== 401 && status !== 429;
}

function isFailing(pull: Pull): boolean {
  return pull.state === "broken" || pull.state === "retrying";
}

function endsPull(pull: Pull, digest: string): boolean {
  const content = pull.contents.get(digest);
  return content !== undefined && content.failure?.cause !== "rate_limited";
}

function compare(request: PullRequest, left: Pull, right: Pull): number {
  const keysOfLeft = turn(request, left);
  const keysOfRight = turn(request, right);
  for (const [at, key] of keysOfLeft.entries()) {
    const difference = key - (keysOfRight[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What decides whose turn it is, most important first; less goes first. */
function turn(request: PullRequest, pull: Pull): readonly number[] {
  const { client, reference, nowMs, settings } = request;
  if (isDueAgain(pull, reference, nowMs)) return [-1];
  const asked = askedBefore(pull, reference);
  if (client.behaviour.kind === "daemon") {
    const spare = !request.event.forwarded && hadConnectionToSpare(pull, request.connection) ? 1 : 0;
    return [asked, spare, pull.manifestMs === undefined ? 1 : 0, pull.birth.nowMs];
  }
  const activeMs = client.pace.windowMs(settings.activeMs, settings.activeMaxMs);
  const isActive = pull.open > 0 || nowMs - pull.lastEventMs < activeMs;
  return [asked, isActive ? 0 : 1, stageOf(pull, reference)];
}

/** The registry told it to ask again at about this time. */
function isDueAgain(pull: Pull, digest: string, nowMs: number): boolean {
  const content = pull.contents.get(digest);
  if (content?.failure?.cause !== "rate_limited" || content.retryAtMs === undefined) return false;
  return Math.abs(nowMs - content.retryAtMs) < RETRY_SLACK_MS;
}

/** A timer of whole seconds on a busy machine. */
const RETRY_SLACK_MS = 500;

function askedBefore(pull: Pull, digest: string): number {
  const content = pull.contents.get(digest);
  if (content === undefined) return 0;
  if (content.done) return 3;
  return content.open > 0 ? 2 : 1;
}

/** When the pull became able to send this request. */
function stageOf(pull: Pull, digest: string): number {
  const isConfig = isDigest(digest) && pull.expected.get(digest)?.role === "config";
  return (isConfig ? pull.manifestMs : (pull.configMs ?? pull.manifestMs)) ?? pull.birth.nowMs;
}

// 6c. A daemon has the manifest on disk, or got it from elsewhere: nobody has seen what it lists.
function unseenManifest(request: PullRequest): Pull | undefined {
  if (request.client.behaviour.kind !== "daemon") return undefined;
  return candidates(request).findLast((pull) => pull.rootDigest !== undefined && pull.expected.size === 0);
}
