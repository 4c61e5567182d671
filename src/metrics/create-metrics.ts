import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import { Histogram } from "../exposition/histogram.ts";
import type { Definition } from "./definition.ts";
import { BOUNDS, CAPPED_LABELS, END_RULES, REFUSAL_REASONS, UNASSIGNED_REASONS } from "./label-values.ts";
import { createCaps } from "./limits.ts";
import * as page from "./metrics.ts";
import { Tally } from "./tally.ts";
import * as trouble from "./trouble.ts";
import * as workers from "./workers.ts";

export interface MetricsOptions {
  /** Version of pullmeter. */
  readonly version: string;
  /** Version of Node.js. Default: none is told. */
  readonly nodeVersion?: string;
  /** Name of the origin's histogram, or false to leave it out. Default: the origin's own name. */
  readonly imageFetchHistogram?: string | false;
  /** Configured registries, host[:port]: they never overflow into [OTHER]. Default: none. */
  readonly registries?: readonly string[];
  /** How many processes serve clients, where it is not this one. */
  readonly workers?: number;
  /** Metrics of the process and of Node.js as well. Default: true. */
  readonly processMetrics?: boolean;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** All metrics in a registry of their own: two of them in one process share nothing. */
export function createMetrics(options: MetricsOptions) {
  const metricsRegistry = new Registry();
  const { counter, tally, gauge, histogram, histograms } = createBuilders(metricsRegistry);
  const imageFetchName = options.imageFetchHistogram ?? page.IMAGE_FETCH_DURATION.name;
  const metrics = {
    metricsRegistry,
    histograms,
    imageFetchDuration:
      imageFetchName === false ? undefined : histogram({ ...page.IMAGE_FETCH_DURATION, name: imageFetchName }),
    pullDuration: histogram(page.PULL_DURATION),
    pullPhase: histogram(page.PULL_PHASE),
    transferredBytes: counter(page.PULL_TRANSFERRED_BYTES),
    skippedBytes: counter(page.PULL_SKIPPED_BYTES),
    layerThroughput: histogram(page.LAYER_THROUGHPUT),
    servingFirstByte: histogram(page.SERVING_FIRST_BYTE),
    servingThroughput: histogram(page.SERVING_THROUGHPUT),
    auth: counter(page.AUTH),
    pullsEnded: counter(page.PULLS_ENDED, END_RULES),
    ratelimitLimit: gauge(page.RATELIMIT_LIMIT),
    ratelimitRemaining: gauge(page.RATELIMIT_REMAINING),
    ratelimitWindow: gauge(page.RATELIMIT_WINDOW),
    rateLimited: counter(page.RATE_LIMITED),
    pullsInProgress: gauge(page.PULLS_IN_PROGRESS),
    unassignedRequests: counter(page.UNASSIGNED_REQUESTS, UNASSIGNED_REASONS),
    assignedRequests: counter(page.ASSIGNED_REQUESTS),
    boundsHit: counter(page.BOUNDS_HIT, BOUNDS),
    requests: tally(page.REQUESTS),
    responseBytes: tally(page.RESPONSE_BYTES),
    clientConnections: gauge(page.CLIENT_CONNECTIONS),
    upstreamRequests: tally(page.UPSTREAM_REQUESTS),
    upstreamHeadDuration: histogram(page.UPSTREAM_HEAD_DURATION),
    upstreamRepeats: counter(trouble.UPSTREAM_REPEATS),
    circuitsOpen: gauge(trouble.CIRCUITS_OPEN),
    proxyHeadDuration: histogram(page.PROXY_HEAD_DURATION),
    refused: counter(page.REFUSED, REFUSAL_REASONS),
    pullFailures: counter(trouble.PULL_FAILURES),
    stalls: counter(trouble.STALLS),
    transferWait: tally(trouble.TRANSFER_WAIT),
    slowLayers: counter(trouble.SLOW_LAYERS),
    oldestPullAge: gauge(trouble.OLDEST_PULL_AGE),
    blobsVerified: counter(trouble.BLOBS_VERIFIED),
    tokenRequests: counter(trouble.TOKEN_REQUESTS),
    tokenDuration: histogram(trouble.TOKEN_DURATION),
    tracesDropped: counter(page.TRACES_DROPPED),
    observerErrors: counter(page.OBSERVER_ERRORS),
    configReloadSuccessful: gauge(page.CONFIG_RELOAD_SUCCESSFUL),
    configReloadTimestamp: gauge(page.CONFIG_RELOAD_TIMESTAMP),
    workerRestarts: counter(workers.WORKER_RESTARTS),
    workerResidentMemory: gauge(workers.WORKER_RESIDENT_MEMORY),
    workerCpu: counter(workers.WORKER_CPU),
    labelOverflow: counter(page.LABEL_OVERFLOW, CAPPED_LABELS),
  };
  gauge(page.BUILD_INFO).set({ version: options.version, node_version: options.nodeVersion ?? "" }, 1);
  if (options.processMetrics ?? true) collectProcessMetrics(metricsRegistry);
  return { ...metrics, caps: createCaps(options.registries ?? [], (label) => metrics.labelOverflow.inc({ label })) };
}

/** How a definition of the page becomes a metric. */
function createBuilders(metricsRegistry: Registry) {
  const histograms: Pick<Histogram<never>, "collect">[] = [];
  return { counter, tally, gauge, histogram, histograms };

  /** `values` of the only label start at 0, so that `rate()` sees the first increment. */
  function counter<Label extends string>({ name, help, labels }: Definition<Label>, values: readonly string[] = []) {
    const metric = new Counter<Label>({ name, help, labelNames: [...labels], registers: [metricsRegistry] });
    for (const value of values) metric.labels(value).inc(0);
    return metric;
  }

  function tally<Label extends string>(definition: Definition<Label>) {
    return new Tally<Label>(definition, metricsRegistry);
  }

  function gauge<Label extends string>({ name, help, labels }: Definition<Label>) {
    return new Gauge<Label>({ name, help, labelNames: [...labels], registers: [metricsRegistry] });
  }

  function histogram<Label extends string>({ buckets = [], native = false, ...definition }: Definition<Label>) {
    const metric = new Histogram<Label>({ ...definition, buckets, ...(native && { native: {} }) });
    histograms.push(metric);
    return metric;
  }
}

/** prom-client's gauges of these names end in `_total` or repeat one that does, which `promtool check metrics` rejects. */
const MISNAMED = /^nodejs_active_/;

/**
 * What the monitor of the event loop tells. It wakes the process 100 times a second, which is most of what an idle one
 * costs; when it looks less often it tells less than a scrape, which measures `nodejs_eventloop_lag_seconds` anew.
 */
const MONITORED = /^nodejs_eventloop_lag_(?!seconds$)/;

/** An hour, in milliseconds: prom-client starts the monitor anyway. */
const NEVER_MONITORED = 3_600_000;

function collectProcessMetrics(metricsRegistry: Registry): void {
  collectDefaultMetrics({ register: metricsRegistry, eventLoopMonitoringPrecision: NEVER_MONITORED });
  for (const { name } of metricsRegistry.getMetricsAsArray()) {
    if (MISNAMED.test(name) || MONITORED.test(name)) metricsRegistry.removeSingleMetric(name);
  }
}
