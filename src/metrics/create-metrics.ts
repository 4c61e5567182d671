import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import { Histogram } from "../exposition/histogram.ts";
import { Cap } from "../label/cap.ts";
import { registryLabel } from "../label/registry-label.ts";
import type { Definition } from "./definition.ts";
import { BOUNDS, CAPPED_LABELS, REFUSAL_REASONS, TRIGGERS, UNASSIGNED_REASONS } from "./label-values.ts";
import * as page from "./metrics.ts";

export interface MetricsOptions {
  /** Version of pullmeter. */
  readonly version: string;
  /** Name of the origin's histogram, or false to leave it out. Default: the origin's own name. */
  readonly imageFetchHistogram?: string | false;
  /** Configured registries, host[:port]: they never overflow into [OTHER]. Default: none. */
  readonly registries?: readonly string[];
  /** Metrics of the process and of Node.js as well. Default: true. */
  readonly processMetrics?: boolean;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** 100 registrable domains: real fleets pull from a dozen; each costs about 200 series. */
export const MAX_REGISTRIES = 100;

/** 16 isolations: the origin knows six, and pullmeter names one for each family of clients. */
export const MAX_ISOLATIONS = 16;

/** 500 combinations of a pull's labels, 40 series each: twice what six registries and four isolations come to. */
export const MAX_COMBINATIONS = 500;

/** What [UNKNOWN] and [IP_ADDRESS] stand for must not be lost in [OTHER]. */
const UNNAMED_REGISTRIES = ["[UNKNOWN]", "[IP_ADDRESS]"];

/** All metrics in a registry of their own: two of them in one process share nothing. */
export function createMetrics(options: MetricsOptions) {
  const metricsRegistry = new Registry();
  const histograms: Pick<Histogram<never>, "collect">[] = [];
  const imageFetchName = options.imageFetchHistogram ?? page.IMAGE_FETCH_DURATION.name;
  const metrics = {
    metricsRegistry,
    histograms,
    imageFetchDuration:
      imageFetchName === false ? undefined : histogram({ ...page.IMAGE_FETCH_DURATION, name: imageFetchName }),
    pullDuration: histogram(page.PULL_DURATION),
    pullsInProgress: gauge(page.PULLS_IN_PROGRESS),
    unassignedRequests: counter(page.UNASSIGNED_REQUESTS, UNASSIGNED_REASONS),
    boundsHit: counter(page.BOUNDS_HIT, BOUNDS),
    requests: counter(page.REQUESTS),
    responseBytes: counter(page.RESPONSE_BYTES),
    clientConnections: gauge(page.CLIENT_CONNECTIONS),
    upstreamRequests: counter(page.UPSTREAM_REQUESTS),
    upstreamHeadDuration: histogram(page.UPSTREAM_HEAD_DURATION),
    refused: counter(page.REFUSED, REFUSAL_REASONS),
    labelOverflow: counter(page.LABEL_OVERFLOW, CAPPED_LABELS),
  };
  gauge(page.BUILD_INFO).set({ version: options.version, node_version: process.version }, 1);
  if (options.processMetrics ?? true) collectProcessMetrics(metricsRegistry);
  const known = [...UNNAMED_REGISTRIES, ...new Set((options.registries ?? []).map(registryLabel))];
  return {
    ...metrics,
    /** The caps of the labels whose values are not closed. */
    caps: {
      registry: cap("registry", Math.max(MAX_REGISTRIES, known.length), known),
      isolation: cap("isolation", MAX_ISOLATIONS),
      trigger: cap("trigger", TRIGGERS.length, TRIGGERS),
      combination: new Cap({
        limit: MAX_COMBINATIONS,
        accepts: () => true,
        overflowed: () => metrics.labelOverflow.inc({ label: "combination" }),
      }),
    },
  };

  /** `values` of the only label start at 0, so that `rate()` sees the first increment. */
  function counter<Label extends string>({ name, help, labels }: Definition<Label>, values: readonly string[] = []) {
    const metric = new Counter<Label>({ name, help, labelNames: [...labels], registers: [metricsRegistry] });
    for (const value of values) metric.labels(value).inc(0);
    return metric;
  }

  function gauge<Label extends string>({ name, help, labels }: Definition<Label>) {
    return new Gauge<Label>({ name, help, labelNames: [...labels], registers: [metricsRegistry] });
  }

  function histogram<Label extends string>({ buckets = [], native = false, ...definition }: Definition<Label>) {
    const metric = new Histogram<Label>({ ...definition, buckets, ...(native && { native: {} }) });
    histograms.push(metric);
    return metric;
  }

  function cap(label: "registry" | "isolation" | "trigger", limit: number, values: readonly string[] = []) {
    return new Cap({ limit, known: values, overflowed: () => metrics.labelOverflow.inc({ label }) });
  }
}

/** prom-client's gauges of these names end in `_total` or repeat one that does, which `promtool check metrics` rejects. */
const MISNAMED = /^nodejs_active_/;

function collectProcessMetrics(metricsRegistry: Registry): void {
  collectDefaultMetrics({ register: metricsRegistry });
  for (const { name } of metricsRegistry.getMetricsAsArray()) {
    if (MISNAMED.test(name)) metricsRegistry.removeSingleMetric(name);
  }
}
