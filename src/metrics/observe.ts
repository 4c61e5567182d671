import type { Exemplar } from "../exposition/metric-family.ts";
import { OTHER } from "../label/cap.ts";
import { registryLabel } from "../label/registry-label.ts";
import type { FinishedPull, PullObserver } from "../pull/pull-event.ts";
import type { Observer, TransferFailed, TransferFinished, UpstreamExchanged } from "../pull/transfer-event.ts";
import type { Metrics } from "./create-metrics.ts";
import type { PULL_LABELS } from "./metrics.ts";
import { operationOf, outcomeOfStatus, type Operation, type Outcome } from "./label-values.ts";

/** Turns what the tracker tells into metrics. */
export function observePulls(metrics: Metrics): PullObserver {
  return (event) => {
    switch (event.type) {
      case "pull-started":
        metrics.pullsInProgress.inc();
        break;
      case "pull-finished":
        metrics.pullsInProgress.dec();
        observeFinishedPull(metrics, event.pull);
        break;
      case "unassigned":
        metrics.unassignedRequests.inc({ reason: event.reason });
        break;
      case "bound-hit":
        metrics.boundsHit.inc({ bound: event.bound });
        break;
    }
  };
}

function observeFinishedPull({ caps, ...metrics }: Metrics, pull: FinishedPull): void {
  const durationMs = atLeastZero(pull.endMs - pull.startMs);
  const labels = boundCombinations(caps, {
    isolation: caps.isolation.admit(pull.isolation),
    registry: registryValue({ caps }, pull.registry, pull.cause),
    status: pull.status,
    on_disk: String(pull.onDisk),
    has_creds: String(pull.hasCreds),
    trigger: caps.trigger.admit(pull.trigger),
  });
  const exemplar = exemplarOf(pull);
  metrics.pullDuration.observe(labels, durationMs / 1000, exemplar);
  // The origin's status knows ok and error only, and its durations are whole microseconds.
  const status = pull.status === "ok" ? "ok" : "error";
  metrics.imageFetchDuration?.observe({ ...labels, status }, Math.round(durationMs * 1000), exemplar);
}

/** What leads from a bucket to a pull: its line in the log, and its trace if the client has one. */
function exemplarOf({ id, traceId, decidedMs }: FinishedPull): Omit<Exemplar, "value"> {
  const labels: [string, string][] = [["pull_id", id]];
  if (traceId !== undefined) labels.push(["trace_id", traceId]);
  return { labels, timestampMs: atLeastZero(decidedMs) };
}

type PullLabels = Readonly<Record<(typeof PULL_LABELS)[number], string>>;

/** Each value being capped, all of them together could still be a million series. The other labels are closed sets. */
function boundCombinations(caps: Metrics["caps"], labels: PullLabels): PullLabels {
  const admitted = caps.combination.admit(Object.values(labels).join(" ")) !== OTHER;
  return admitted ? labels : { ...labels, isolation: OTHER, registry: OTHER };
}

/** What is known of a request that has not ended. */
interface OpenTransfer {
  readonly registry: string;
  readonly operation: Operation;
  /** From the head of the response, once there is one. */
  outcome?: Outcome;
}

/** Turns what the data plane tells into metrics. */
export function observeTransfers(metrics: Metrics): Observer {
  // One entry for each open request: as many as there are sockets at most.
  const open = new Map<number, OpenTransfer>();
  return (event) => {
    switch (event.type) {
      case "connection-opened":
        metrics.clientConnections.inc();
        break;
      case "connection-closed":
        metrics.clientConnections.dec();
        break;
      case "started":
        open.set(event.transfer, { registry: event.registry, operation: operationOf(event) });
        break;
      case "responded": {
        const transfer = open.get(event.transfer);
        if (transfer) transfer.outcome = event.failure ?? outcomeOfStatus(event.status);
        break;
      }
      case "finished":
      case "failed": {
        const transfer = open.get(event.transfer);
        open.delete(event.transfer);
        if (transfer) countRequest(metrics, transfer, event);
        break;
      }
      case "upstream-exchanged":
        countUpstreamRequest(metrics, event);
        break;
      case "refused":
        metrics.refused.inc({ reason: event.reason });
        break;
    }
  };
}

function countRequest(metrics: Metrics, transfer: OpenTransfer, end: TransferFinished | TransferFailed): void {
  const outcome = end.type === "failed" ? end.failure : (transfer.outcome ?? "proxy");
  const registry = registryValue(metrics, transfer.registry, outcome);
  metrics.requests.inc({ registry, operation: transfer.operation, outcome });
  metrics.responseBytes.inc({ registry, outcome }, atLeastZero(end.bytes));
}

function countUpstreamRequest(metrics: Metrics, event: UpstreamExchanged): void {
  const answered = typeof event.outcome === "number";
  const outcome = typeof event.outcome === "number" ? outcomeOfStatus(event.outcome) : event.outcome;
  const registry = registryValue(metrics, event.registry, outcome);
  metrics.upstreamRequests.inc({ registry, outcome });
  if (answered) metrics.upstreamHeadDuration.observe({ registry }, atLeastZero(event.headMs) / 1000);
}

/** A registry that was refused gets no place of its own: clients must not fill the label with names they make up. */
function registryValue({ caps }: Pick<Metrics, "caps">, host: string, result: string): string {
  const label = registryLabel(host);
  return result === "refused" && !caps.registry.has(label) ? "[UNKNOWN]" : caps.registry.admit(label);
}

/** Counters and histograms throw on anything else; an observer never does. */
function atLeastZero(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0;
}
