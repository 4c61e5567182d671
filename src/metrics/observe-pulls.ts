import type { Exemplar } from "../exposition/metric-family.ts";
import { OTHER } from "../label/cap.ts";
import { registryLabel } from "../label/registry-label.ts";
import { bytesPerSecond, layerThroughput } from "../pull/layer-speed.ts";
import type { FinishedBlob, FinishedPull, PullObserver } from "../pull/pull-event.ts";
import type { Metrics } from "./create-metrics.ts";
import type { Caps } from "./limits.ts";
import type { PULL_LABELS } from "./metrics.ts";
import { atLeastZero, registryValue } from "./values.ts";

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

function observeFinishedPull(metrics: Metrics, pull: FinishedPull): void {
  const registry = registryValue(metrics.caps, pull.registry, pull.cause);
  observeDuration(metrics, pull, registry);
  observePhases(metrics, pull, registry);
  metrics.auth.inc({ registry, kind: pull.auth ?? "none" });
  if (pull.cause !== "none") metrics.pullFailures.inc({ registry, cause: pull.cause });
  metrics.pullsEnded.inc({ end_rule: pull.endRule });
  metrics.assignedRequests.inc(pull.transfers.length);
  metrics.transferredBytes.inc({ registry }, atLeastZero(pull.bytes));
  // A pull that failed did not come to ask for all that it needs; one that shared a download has it from there.
  const skipped = pull.status === "ok" && !pull.joined ? pull.bytesOnDisk : undefined;
  if (skipped !== undefined) metrics.skippedBytes.inc({ registry }, atLeastZero(skipped));
  for (const blob of pull.blobs) observeBlob(metrics, pull, blob, registry);
}

function observeDuration({ caps, ...metrics }: Metrics, pull: FinishedPull, registry: string): void {
  const durationMs = atLeastZero(pull.endMs - pull.startMs);
  const labels = boundCombinations(caps, {
    isolation: caps.isolation.admit(pull.isolation),
    registry,
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

function observePhases({ caps, pullPhase }: Metrics, { phases = {} }: FinishedPull, registry: string): void {
  const admitted = caps.phaseRegistry.admit(registry);
  for (const [phase, spentMs] of Object.entries(phases)) {
    pullPhase.observe({ registry: admitted, phase }, atLeastZero(spentMs) / 1000);
  }
}

/** What leads from a bucket to a pull: its line in the log, and its trace if the client has one. */
function exemplarOf({ id, traceId, decidedMs }: FinishedPull): Omit<Exemplar, "value"> {
  const labels: [string, string][] = [["pull_id", id]];
  if (traceId !== undefined) labels.push(["trace_id", traceId]);
  return { labels, timestampMs: atLeastZero(decidedMs) };
}

// OpenMetrics 1.0, Exemplars: names and values together have at most 128 characters. A sha512 digest has no room.
const LONGEST_DIGEST = 71;

/** What leads from a slow bucket to the layer that was slow. */
function exemplarOfLayer(
  { id, decidedMs }: FinishedPull,
  { digest, sizeBytes }: FinishedBlob,
): Omit<Exemplar, "value"> {
  const labels: [string, string][] = [["pull_id", id]];
  if (digest.length <= LONGEST_DIGEST) labels.push(["digest", digest]);
  if (sizeBytes !== undefined) labels.push(["size", String(sizeBytes)]);
  return { labels, timestampMs: atLeastZero(decidedMs) };
}

type PullLabels = Readonly<Record<(typeof PULL_LABELS)[number], string>>;

/** Each value being capped, all of them together could still be a million series. The other labels are closed sets. */
function boundCombinations(caps: Caps, labels: PullLabels): PullLabels {
  const admitted = caps.combination.admit(Object.values(labels).join(" ")) !== OTHER;
  return admitted ? labels : { ...labels, isolation: OTHER, registry: OTHER };
}

/** Of what CDNs serve: manifests come from the registry itself. */
function observeBlob({ caps, ...metrics }: Metrics, pull: FinishedPull, blob: FinishedBlob, registry: string): void {
  const throughput = layerThroughput(blob);
  if (throughput !== undefined) metrics.layerThroughput.observe({ registry }, throughput, exemplarOfLayer(pull, blob));
  const { role, servingHost, startMs, firstByteMs } = blob;
  if (servingHost === undefined || firstByteMs === undefined || bytesPerSecond(blob) === undefined) return;
  if (role !== "layer" && role !== "config") return;
  const labels = { serving_domain: caps.servingDomain.admit(registryLabel(servingHost)) };
  metrics.servingFirstByte.observe(labels, atLeastZero(firstByteMs - startMs) / 1000);
  if (throughput !== undefined) metrics.servingThroughput.observe(labels, throughput);
}
