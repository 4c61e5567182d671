import { readFileSync } from "node:fs";
import { readRecordedRequests } from "../../src/cli/recording.ts";
import type { ReplayedPull } from "../../src/cli/replay.ts";

/** What a run of real clients really did: see `test/fixtures/wire/heavy/README.md`. */
export interface Truth {
  readonly pulls: readonly TruePull[];
  /** Sequence number of a request -> id of the pull that sent it. */
  readonly requests: Readonly<Record<string, number>>;
}

interface TruePull {
  readonly id: number;
  readonly repository: string;
  readonly reference: string;
  readonly exit: number;
  readonly killed: boolean;
  readonly upstreamRequests: number;
  readonly wireStartMs: number;
  readonly wireEndMs: number;
  readonly on_disk: boolean | null;
  readonly has_creds: boolean;
}

/** Counts of what was right, and of what there was. */
export interface Score {
  pulls: number;
  found: number;
  extra: number;
  swapped: number;
  requests: number;
  requestsRight: number;
  status: number;
  statusRight: number;
  onDisk: number;
  onDiskRight: number;
  hasCredsRight: number;
  durationRight: number;
}

const PULL_REQUEST = /^\/v2\/.+\/(?:manifests|blobs)\/[^?/]+/;

export function readTruth(path: string): Truth {
  return JSON.parse(readFileSync(path, "utf8")) as Truth;
}

export function emptyScore(): Score {
  return {
    pulls: 0,
    found: 0,
    extra: 0,
    swapped: 0,
    requests: 0,
    requestsRight: 0,
    status: 0,
    statusRight: 0,
    onDisk: 0,
    onDiskRight: 0,
    hasCredsRight: 0,
    durationRight: 0,
  };
}

/**
 * Compares the pulls that were found with the truth, as `test/fixtures/wire/heavy/score.py` does: a found pull is matched
 * to the true pull with which it shares most requests, what is left by repository, reference and start.
 */
export function addScore(score: Score, recording: string, truth: Truth, found: readonly ReplayedPull[]): void {
  const requests = new Map(
    readRecordedRequests(recording)
      .filter(({ seq, url, method }) => isPullRequest(url, method) && truth.requests[seq] !== undefined)
      .map((request) => [request.seq, request]),
  );
  const owner = (seq: number): number | undefined => (requests.has(seq) ? truth.requests[seq] : undefined);
  const owners = new Set([...requests.keys()].map(owner));
  const truePulls = new Map(truth.pulls.filter(({ id }) => owners.has(id)).map((pull) => [pull.id, pull]));
  const match = matchPulls(truePulls, found, owner);
  score.swapped += matchTwins(truePulls, found, match);
  score.pulls += truePulls.size;
  score.found += match.size;
  const used = new Set(match.values());
  score.extra += found.filter((pull, at) => !used.has(at) && pull.requests.some((seq) => requests.has(seq))).length;
  score.requests += requests.size;
  const finder = new Map(found.flatMap((pull, at) => pull.requests.map((seq) => [seq, at] as const)));
  for (const seq of requests.keys()) {
    const id = owner(seq);
    const at = finder.get(seq);
    if (id !== undefined && at !== undefined && match.get(id) === at) score.requestsRight += 1;
  }
  for (const [id, at] of match) {
    const wasAborted = [...requests.values()].some(({ seq, aborted }) => owner(seq) === id && aborted === true);
    compare(score, truePulls.get(id)!, found[at]!, wasAborted);
  }
}

function isPullRequest(url: string, method: string): boolean {
  return PULL_REQUEST.test(url) && (method === "GET" || method === "HEAD");
}

function matchPulls(
  truePulls: ReadonlyMap<number, TruePull>,
  found: readonly ReplayedPull[],
  owner: (seq: number) => number | undefined,
): Map<number, number> {
  const shares: { readonly id: number; readonly at: number; readonly count: number }[] = [];
  for (const [at, pull] of found.entries()) {
    const counts = new Map<number, number>();
    for (const seq of pull.requests) {
      const id = owner(seq);
      if (id !== undefined && truePulls.has(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    for (const [id, count] of counts) shares.push({ id, at, count });
  }
  shares.sort((left, right) => right.count - left.count || left.at - right.at || right.id - left.id);
  const match = new Map<number, number>();
  const used = new Set<number>();
  for (const { id, at } of shares) {
    if (used.has(at) || match.has(id)) continue;
    match.set(id, at);
    used.add(at);
  }
  return match;
}

/** 250 ms: a pull whose requests were all exchanged with a twin still begins where the true one does. */
const TWIN_MS = 250;

function matchTwins(
  truePulls: ReadonlyMap<number, TruePull>,
  found: readonly ReplayedPull[],
  match: Map<number, number>,
): number {
  const used = new Set(match.values());
  let twins = 0;
  for (const [id, pull] of truePulls) {
    if (match.has(id)) continue;
    const at = found.findIndex(
      (other, index) =>
        !used.has(index) &&
        other.repository === pull.repository &&
        other.reference === pull.reference &&
        Math.abs(other.startMs - pull.wireStartMs) <= TWIN_MS,
    );
    if (at < 0) continue;
    match.set(id, at);
    used.add(at);
    twins += 1;
  }
  return twins;
}

function compare(score: Score, truth: TruePull, found: ReplayedPull, wasAborted: boolean): void {
  // After a fallback the upstream decides; a client killed while nothing was open ends invisibly.
  const isSilentKill = truth.killed && truth.exit !== 0 && !wasAborted;
  if (truth.upstreamRequests === 0 && !isSilentKill) {
    score.status += 1;
    if ((truth.exit === 0) === (found.status === "ok")) score.statusRight += 1;
    if (truth.on_disk !== null) {
      score.onDisk += 1;
      if (truth.on_disk === found.on_disk) score.onDiskRight += 1;
    }
  }
  if (truth.has_creds === found.has_creds) score.hasCredsRight += 1;
  const durationMs = truth.wireEndMs - truth.wireStartMs;
  const differenceMs = Math.abs(found.endMs - found.startMs - durationMs);
  if (differenceMs <= Math.max(5, durationMs / 100)) score.durationRight += 1;
}
