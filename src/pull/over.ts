import { isRepeatable } from "./assign.ts";
import { waitsForAnother } from "./join.ts";
import type { EndRule } from "./pull-event.ts";
import type { Pull } from "./pull.ts";
import type { TrackerSettings } from "./settings.ts";

/** When a pull is over: now (by a rule), or at the earliest at a later time. */
export type Verdict = { readonly over: EndRule } | { readonly againMs: number };

/** Decides whether a pull is over. Waiting never changes its value: observations are backdated. */
export function judge(pull: Pull, nowMs: number, settings: TrackerSettings): Verdict {
  if (pull.open > 0) {
    const lostMs = pull.lastEventMs + settings.transferCapMs;
    return nowMs < lostMs ? { againMs: lostMs } : { over: "capped" };
  }
  const dueMs = quietUntil(pull, settings);
  if (nowMs < dueMs.atMs) return { againMs: dueMs.atMs };
  const capMs = pull.lastEventMs + settings.settleCapMs;
  if (nowMs < capMs && pull.client.behaviour.kind === "daemon") {
    const freeLeftMs = settleMs(pull, settings) - (pull.client.freeMs(nowMs) - pull.lastEventFreeMs);
    // At its download limit the daemon can send nothing: only its free time counts.
    if (freeLeftMs > 0 && !pull.isComplete()) return { againMs: Math.min(nowMs + freeLeftMs, capMs) };
    if (waitsForAnother(pull)) return { againMs: Math.min(nowMs + settings.daemonSettleMs, capMs) };
  }
  return { over: nowMs >= capMs && pull.client.behaviour.kind === "daemon" ? "capped" : dueMs.rule };
}

function quietUntil(pull: Pull, settings: TrackerSettings): { readonly atMs: number; readonly rule: EndRule } {
  const { behaviour } = pull.client;
  if (behaviour.holdsConnections && isRepeatable(pull)) {
    // The last close may be that of an attempt before this one.
    const failedMs = Math.max(pull.lastCloseMs ?? 0, pull.lastEventMs);
    return { atMs: failedMs + settings.pullRetryWaitMs, rule: "failed" };
  }
  if (isRateLimited(pull)) return { atMs: pull.lastEventMs + pull.retryAfterMs, rule: "settled" };
  if (behaviour.holdsConnections && allClosed(pull)) {
    const closedMs = pull.lastCloseMs ?? pull.lastEventMs;
    // A cut may have closed the last connection: its rest is still asked for.
    const cutMs = pull.state === "fetching" ? cutLastMs(pull) : Number.NEGATIVE_INFINITY;
    return { atMs: Math.max(closedMs, cutMs + settings.resumeWaitMs), rule: "connections_closed" };
  }
  if (pull.state === "broken" || pull.state === "retrying")
    return { atMs: pull.lastEventMs + settings.failedSettleMs, rule: "failed" };
  return { atMs: pull.lastEventMs + settleMs(pull, settings), rule: "settled" };
}

/** When a body was cut last whose rest was not asked for. */
function cutLastMs(pull: Pull): number {
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { cutMs } of pull.contents.values()) lastMs = Math.max(lastMs, cutMs ?? lastMs);
  return lastMs;
}

function settleMs(pull: Pull, settings: TrackerSettings): number {
  const { behaviour } = pull.client;
  if (behaviour.afterFailedBlob === "repeats_later" && hasFailedBlob(pull)) return settings.dockerRetryWaitMs;
  if (behaviour.kind === "daemon") return settings.daemonSettleMs;
  const isHeld = behaviour.holdsConnections || (behaviour.pausesBetweenLayers && pull.openConnections > 0);
  return isHeld ? settings.keepAliveSettleMs : settings.processSettleMs;
}

/** The registry asked it to wait, and it may still do. */
function isRateLimited(pull: Pull): boolean {
  if (pull.retryAfterMs === 0) return false;
  if (pull.resolve.failed && pull.resolve.status === 429) return true;
  for (const content of pull.contents.values()) if (content.failure?.cause === "rate_limited") return true;
  return false;
}

function allClosed(pull: Pull): boolean {
  return pull.connections.size > 0 && pull.openConnections === 0 && pull.lastCloseMs !== undefined;
}

function hasFailedBlob(pull: Pull): boolean {
  for (const content of pull.contents.values()) {
    if (content.failure !== undefined && content.role !== "manifest") return true;
  }
  return false;
}
