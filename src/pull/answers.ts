import type { Digest } from "../oci/digest.ts";
import { isCutForGood } from "./cut.ts";
import { joinsRunningFetch, sawLayersArrive } from "./join.ts";
import { learn, setRoot, type Ledger } from "./learn.ts";
import { causeOfStatus, type Cause } from "./outcome.ts";
import type { Pull } from "./pull.ts";
import type { Transfer } from "./transfer.ts";
import type { ResponseStarted, TransferFailed, TransferFinished } from "./transfer-event.ts";
import { weigh } from "./weigh-manifest.ts";

// What answers do to the pull whose request they end.

/** The head of the response is known. */
export function respond(transfer: Transfer, event: ResponseStarted, nowMs: number): void {
  const { pull, content } = transfer;
  transfer.status = event.status;
  transfer.failure = event.failure;
  transfer.answeredDigest = event.dockerContentDigest;
  transfer.retryAfterSeconds = event.retryAfterSeconds;
  transfer.bodyLength = event.contentLength;
  transfer.bodyStart = event.contentRange?.start ?? (event.status === 206 ? transfer.rangeStart : 0);
  pull?.touch(nowMs);
  pull?.phases.respond(transfer, nowMs);
  if (pull !== undefined && event.rateLimit !== undefined) pull.rateLimit = event.rateLimit;
  if (event.status >= 400) stopFetching(transfer);
  if (content === undefined) return;
  content.lastStatus = event.status;
  content.firstByteMs ??= nowMs;
  if (event.servingHost !== undefined) content.servingHost = event.servingHost;
  if (event.status === 206) content.sizeBytes ??= event.contentRange?.size;
  if (event.status === 200 && transfer.method === "GET") content.sizeBytes ??= event.contentLength;
}

function stopFetching(transfer: Transfer): void {
  if (!transfer.fetching || transfer.digest === undefined || transfer.pull === undefined) return;
  transfer.fetching = false;
  transfer.client.countFetch(transfer.digest, transfer.pull, -1);
}

/** The request ended, well or not. */
export function end(ledger: Ledger, transfer: Transfer, event: TransferFinished | TransferFailed, nowMs: number): void {
  const { pull, content, client, digest } = transfer;
  if (pull === undefined) return;
  stopFetching(transfer);
  pull.open -= 1;
  client.countOpen(-1, nowMs);
  pull.bytes += event.bytes;
  pull.endMs = nowMs;
  pull.phases.end(transfer, pull.open, nowMs);
  pull.touch(nowMs);
  const cause = causeOf(transfer, event);
  if (content !== undefined) {
    content.open -= 1;
    content.endMs = nowMs;
    content.deliveredBytes += event.bytes;
    settleContent(transfer, event, cause, nowMs);
  }
  transfer.answeredDigest = digestOfAnswer(transfer, event);
  if (transfer.purpose === "resolve") endResolve(ledger, transfer, cause, nowMs);
  const isManifest = transfer.purpose === "resolve" || transfer.purpose === "manifest";
  if (isManifest && cause !== "digest_mismatch") endManifest(ledger, transfer, event, nowMs);
  if (transfer.purpose === "blob") endBlob(ledger, transfer, cause, nowMs);
  if (digest !== undefined) tellOthers(ledger, transfer, digest, nowMs);
}

function causeOf(transfer: Transfer, event: TransferFinished | TransferFailed): Cause {
  if (event.type === "failed") return causeOfCut(transfer, event.failure);
  if (transfer.failure !== undefined) return transfer.failure;
  if (hasWrongBytes(transfer, event)) return "digest_mismatch";
  return transfer.status === undefined ? "none" : causeOfStatus(transfer.status);
}

/** Clients leave at the sight of an error's status: what they were told is why, however much of its body they took. */
function causeOfCut({ status = 0, failure }: Transfer, cut: TransferFailed["failure"]): Cause {
  if (cut !== "client_aborted" || status < 400) return cut;
  return failure ?? causeOfStatus(status);
}

/** Manifests, and those blobs that are verified on the way. Of others their client finds out. */
function hasWrongBytes({ digest, status }: Transfer, { manifest, verified }: TransferFinished): boolean {
  if (verified === "mismatch") return true;
  if (digest === undefined || manifest === undefined || status !== 200) return false;
  return algorithmOf(digest) === algorithmOf(manifest.digest) && digest !== manifest.digest;
}

function algorithmOf(digest: Digest): string {
  return digest.slice(0, digest.indexOf(":"));
}

function settleContent(
  transfer: Transfer,
  event: TransferFinished | TransferFailed,
  cause: Cause,
  nowMs: number,
): void {
  const { content, status = 0 } = transfer;
  if (content === undefined) return;
  if (cause === "none" && transfer.method === "HEAD") return content.answer();
  if (cause === "none" && (status === 200 || (status >= 300 && status < 400))) return content.succeed();
  // Wrong bytes cover nothing.
  if (cause === "digest_mismatch") return content.fail(cause, nowMs);
  const wasDone = content.done;
  if (status === 200 || status === 206) content.cover(transfer.bodyStart, event.bytes);
  // RFC 9110 §15.5.17: a resume that asks for what it already has.
  if (cause === "none" || status === 416) return;
  if (!wasDone && isBrokenOff(status, event, cause)) content.breakOff(cause, nowMs);
  else content.fail(cause, nowMs);
  content.retryAtMs = transfer.retryAfterSeconds === undefined ? undefined : nowMs + transfer.retryAfterSeconds * 1000;
}

/** A head that promised more bytes than the manifest lists: the client has them all, and sees its connection cut. */
function isBrokenOff(status: number, { type }: TransferFinished | TransferFailed, cause: Cause): boolean {
  return status === 200 && type === "failed" && cause !== "client_aborted";
}

function endResolve(ledger: Ledger, transfer: Transfer, cause: Cause, nowMs: number): void {
  const { pull } = transfer;
  if (pull === undefined) return;
  const { resolve } = pull;
  resolve.open -= 1;
  resolve.status = transfer.status;
  resolve.endMs = nowMs;
  resolve.failed = cause !== "none";
  pull.resolvedFreeMs = pull.client.freeMs(nowMs);
  if (resolve.failed) {
    noteRateLimit(ledger, transfer);
    pull.apply("resolve_failed");
    return;
  }
  if (transfer.answeredDigest !== undefined) setRoot(ledger, pull, transfer.answeredDigest);
  if (transfer.method === "HEAD" && pull.rootDigest !== undefined) {
    pull.apply("resolved");
    pull.wasResolved = true;
    pull.resolvedByHead = true;
    if (joinsRunningFetch(pull)) pull.joined = true;
  }
}

/** What the head says, unless its body is here and something else. By another algorithm it is the same manifest. */
function digestOfAnswer({ answeredDigest }: Transfer, event: TransferFinished | TransferFailed): Digest | undefined {
  const read = event.type === "finished" ? event.manifest?.digest : undefined;
  if (read === undefined || answeredDigest === undefined) return answeredDigest;
  return algorithmOf(read) === algorithmOf(answeredDigest) ? read : answeredDigest;
}

function endManifest(
  ledger: Ledger,
  transfer: Transfer,
  event: TransferFinished | TransferFailed,
  nowMs: number,
): void {
  const { pull } = transfer;
  if (pull === undefined || event.type !== "finished" || transfer.method !== "GET" || transfer.status !== 200) return;
  pull.wasResolved = true;
  pull.manifestOkMs = nowMs;
  pull.apply("fetch_started");
  const digest = event.manifest?.digest ?? transfer.digest ?? transfer.answeredDigest;
  if (digest === undefined) return;
  setRoot(ledger, pull, digest);
  const content = event.manifest?.content;
  if (content === undefined) return;
  if (content.kind === "index") pull.indexMs = nowMs;
  else pull.manifestMs = nowMs;
  // No pull could use it.
  if (weigh(content) > ledger.settings.maxBlobsPerPull) return ledger.blobRefused();
  if (!ledger.manifests.set(digest, content)) ledger.manifestEvicted();
  learn(ledger, pull, digest, content);
  if (joinsRunningFetch(pull)) pull.joined = true;
  for (const other of pull.client.needing(digest)) {
    if (other === pull || other.client.behaviour.kind !== "daemon") continue;
    learn(ledger, other, digest, content);
    if (!other.asked(digest) && joinsRunningFetch(other)) other.joined = true;
  }
}

function endBlob(ledger: Ledger, transfer: Transfer, cause: Cause, nowMs: number): void {
  const { pull, content } = transfer;
  if (pull === undefined) return;
  if (content?.role === "config" && content.done) {
    pull.configDone = true;
    pull.configMs = nowMs;
    if (sawLayersArrive(pull)) pull.joined = true;
  }
  const isProcess = pull.client.behaviour.kind === "process";
  if (isProcess && content?.done === true && transfer.digest !== undefined) {
    pull.client.deliveries.note(transfer.digest, nowMs);
  }
  if (cause === "none" || cause === "client_aborted") return;
  noteRateLimit(ledger, transfer);
  const { status } = transfer;
  const { afterFailedBlob } = pull.client.behaviour;
  const isCut = status === undefined || status < 400;
  if (status === 401 || status === 416 || status === 429) return;
  if (afterFailedBlob === "ends") pull.apply("blob_fatal");
  if (afterFailedBlob === "repeats_pull" && isCut && isCutForGood(transfer, nowMs)) {
    if (transfer.digest !== undefined) pull.endings.set(transfer.digest, "blob_fatal");
    pull.apply(firstEnding(pull));
  }
  if (afterFailedBlob === "repeats_pull" && !isCut) {
    // A resume that is refused is the end, whatever the status says.
    const isRepeated = REPEATED_BY_CONTAINERS_IMAGE.has(status) && transfer.rangeStart === 0;
    if (transfer.digest !== undefined && content !== undefined)
      pull.endings.set(transfer.digest, isRepeated ? "pull_retryable" : "blob_fatal");
    pull.apply(firstEnding(pull));
  }
}

/** Of several layers that failed, containers/image reports the one that the manifest lists first. */
// `copyLayers` in copy/single.go of https://github.com/containers/image: it reads all layers, then returns the first error.
function firstEnding(pull: Pull): "pull_retryable" | "blob_fatal" {
  for (const digest of pull.expected.keys()) {
    const ending = pull.endings.get(digest);
    if (ending !== undefined) return ending;
  }
  return [...pull.endings.values()][0] ?? "blob_fatal";
}

/** Statuses of a blob after which containers/image 5.25 and later begins the whole pull again. */
const REPEATED_BY_CONTAINERS_IMAGE: ReadonlySet<number> = new Set([404, 502, 503, 504]);

/** Clients but containerd wait as long as the registry says before they ask again. */
function noteRateLimit(ledger: Ledger, transfer: Transfer): void {
  const { pull, client } = transfer;
  if (transfer.status !== 429 || pull === undefined) return;
  if (client.behaviour.afterFailedBlob === "asks_upstream" && client.behaviour.kind === "daemon") return;
  const { rateLimitedWaitMs, processSettleMs } = ledger.settings;
  const askedMs = (transfer.retryAfterSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  pull.retryAfterMs = Math.min(askedMs, rateLimitedWaitMs) + processSettleMs;
}

/** Pulls of the same daemon that wait for this digest go on only now. Once it is there, they wait for it no more. */
function tellOthers(ledger: Ledger, transfer: Transfer, digest: Digest, nowMs: number): void {
  const { pull } = transfer;
  if (pull?.client.behaviour.kind !== "daemon") return;
  const isThere = transfer.content?.done === true;
  for (const other of pull.client.needing(digest)) {
    if (other === pull || other.isDone(digest) || other.arrived.has(digest)) continue;
    other.touch(nowMs);
    // What it lacked it would have asked for before a pull that was resolved later: this one reads it again.
    const isLater = pull.resolve.endMs - other.resolve.endMs >= ledger.settings.overtakeMs;
    if (other.joined && !isLater) other.sharedEndMs = Math.max(other.sharedEndMs, nowMs);
    if (isThere) other.arrived.add(digest);
  }
}
