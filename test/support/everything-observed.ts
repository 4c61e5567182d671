import { createMetrics } from "../../src/metrics/create-metrics.ts";
import { exposeMetrics, type Expose } from "../../src/metrics/exposition.ts";
import { parseRoute } from "../../src/oci/route.ts";
import { observePulls } from "../../src/metrics/observe-pulls.ts";
import { observeTransfers } from "../../src/metrics/observe-transfers.ts";
import { observeUpstreams } from "../../src/metrics/observe-upstreams.ts";
import { createLogger } from "../../src/log/logger.ts";
import { watchWorkers } from "../../src/workers/watch-workers.ts";
import type { Observer } from "../../src/pull/transfer-event.ts";
import { finishedPull, START_MS } from "./finished-pull.ts";

/** The exposition of a process in which every metric has a series. */
export function everythingObserved(): Expose {
  const metrics = createMetrics({ version: "1.2.3" });
  const [pulls, transfers] = [observePulls(metrics), observeTransfers(metrics)];
  pulls({ type: "pull-started", id: "0001", registry: "ghcr.io" });
  pulls({ type: "pull-finished", pull: finishedPull({ bytesOnDisk: 1 }) });
  pulls({ type: "pull-finished", pull: finishedPull({ status: "error", cause: "dns" }) });
  pulls({ type: "unassigned", reason: "no_pull", registry: "ghcr.io" });
  pulls({ type: "bound-hit", bound: "pulls" });
  transfers({ type: "connection-opened", atMs: START_MS, connection: 1, listener: "shared", remoteAddress: "::1" });
  transfers({
    type: "started",
    atMs: START_MS,
    transfer: 1,
    connection: 1,
    listener: "shared",
    remoteAddress: "::1",
    registry: "ghcr.io",
    method: "GET",
    route: { kind: "manifest", repository: "org/app", reference: "v1" },
    userAgent: "containerd/2.1.9",
    accept: "*/*",
    credentials: "none",
    forwarded: false,
  });
  transfers({
    type: "upstream-exchanged",
    atMs: START_MS + 40,
    transfer: 1,
    registry: "ghcr.io",
    host: "ghcr.io",
    outcome: 200,
    headMs: 40,
  });
  transfers({
    type: "responded",
    atMs: START_MS + 40,
    transfer: 1,
    status: 429,
    rateLimit: { limit: 100, remaining: 0, windowSeconds: 21_600 },
  });
  const waits = { upstreamMs: 5000, clientMs: 7000, upstreamStalls: 1, clientStalls: 1 };
  transfers({ type: "finished", atMs: START_MS + 50, transfer: 1, bytes: 700, waits });
  slowBlob(transfers);
  transfers({
    type: "token-answered",
    atMs: START_MS,
    transfer: 3,
    connection: 1,
    listener: "shared",
    remoteAddress: "::1",
    userAgent: "containerd/2.1.9",
    registry: "ghcr.io",
    hasCredentials: false,
    outcome: 200,
    durationMs: 20,
  });
  transfers({ type: "refused", atMs: START_MS, listener: "shared", reason: "unknown_registry" });
  const upstream = { atMs: START_MS, registry: "ghcr.io" };
  const upstreams = observeUpstreams(metrics);
  upstreams({ ...upstream, type: "upstream-repeated", transfer: 1, repeated: "request", cause: "upstream_5xx" });
  upstreams({ ...upstream, type: "circuit-changed", host: "ghcr.io", state: "open" });
  watchWorkers(metrics, createLogger({ level: "silent" })).used(1, { residentBytes: 60_000_000, cpuSeconds: 1.5 });
  return exposeMetrics(metrics);
}

/** 2 MiB in 12 s. */
function slowBlob(transfers: Observer): void {
  const about = { atMs: START_MS, transfer: 2, connection: 1, listener: "shared", remoteAddress: "::1" };
  transfers({
    ...about,
    type: "started",
    registry: "ghcr.io",
    method: "GET",
    route: parseRoute(`/v2/org/app/blobs/sha256:${"a".repeat(64)}`),
    userAgent: "containerd/2.1.9",
    accept: "*/*",
    credentials: "none",
    forwarded: false,
  });
  transfers({ type: "responded", atMs: START_MS, transfer: 2, status: 200 });
  const waits = { upstreamMs: 5000, clientMs: 7000, upstreamStalls: 0, clientStalls: 0 };
  transfers({ type: "finished", atMs: START_MS, transfer: 2, bytes: 2_097_152, waits, verified: "match" });
}
