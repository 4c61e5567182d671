import { createPullsView, type PullsView } from "../../src/admin/pulls-view.ts";
import { createLogger } from "../../src/log/logger.ts";
import { logPulls } from "../../src/log/observe.ts";
import { createMetrics } from "../../src/metrics/create-metrics.ts";
import { exposeMetrics, type Expose } from "../../src/metrics/exposition.ts";
import { observePulls } from "../../src/metrics/observe-pulls.ts";
import { observeTransfers } from "../../src/metrics/observe-transfers.ts";
import type { TransferEvent } from "../../src/pull/transfer-event.ts";
import { PullTracker } from "../../src/pull/tracker.ts";

export interface ObservedTracker {
  readonly observe: (event: TransferEvent) => void;
  readonly advance: (nowMs: number) => void;
  readonly tracker: PullTracker;
  readonly expose: Expose;
  readonly view: PullsView;
  finishedPulls(): number;
}

/** Twice the most live pulls that are measured, so that none has to go. */
const MAX_PULLS = 20_000;

/** Tracker, metrics, log and page joined as the program joins them; only the log's lines go nowhere. */
export function createObservedTracker(): ObservedTracker {
  const metrics = createMetrics({ version: "bench", processMetrics: false });
  const transfers = observeTransfers(metrics);
  let finished = 0;
  const view: PullsView = createPullsView({ live: () => tracker.live(), now: () => 0 });
  const watchers = [observePulls(metrics), logPulls(createLogger({ destination: { write: () => {} } })), view.observe];
  const tracker = new PullTracker({
    report: (event) => {
      if (event.type === "pull-finished") finished += 1;
      for (const watch of watchers) watch(event);
    },
    settings: { maxPulls: MAX_PULLS },
  });
  return {
    observe: (event) => {
      tracker.observe(event);
      transfers(event);
    },
    advance: (nowMs) => {
      tracker.advance(nowMs);
      metrics.oldestPullAge.set(nowMs - (tracker.oldestStartMs() ?? nowMs));
    },
    tracker,
    expose: exposeMetrics(metrics),
    view,
    finishedPulls: () => finished,
  };
}
