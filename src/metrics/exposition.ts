import type { Registry } from "prom-client";
import type { Histogram } from "../exposition/histogram.ts";
import type { HistogramSample, Labels, MetricFamily, Sample } from "../exposition/metric-family.ts";
import { expose, type Exposition } from "../exposition/negotiate.ts";

/** Answers a scrape in the format that its `Accept` header likes best. */
export type Expose = (accept: string | undefined) => Promise<Exposition>;

/** Where metrics are kept: counters, gauges and those of the process by prom-client, histograms by the house. */
export interface MetricSources {
  readonly metricsRegistry: Registry;
  readonly histograms: readonly Pick<Histogram<never>, "collect">[];
}

/** prom-client's objects, rendered here: its own rendering spells `le` as JavaScript does, and renames counters. */
export function exposeMetrics({ metricsRegistry, histograms }: MetricSources): Expose {
  return async (accept) => {
    const own = histograms.map((histogram) => histogram.collect());
    return expose([...own, ...(await collectFromPromClient(metricsRegistry))], accept);
  };
}

type PromClientMetric = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>[number];

async function collectFromPromClient(metricsRegistry: Registry): Promise<readonly MetricFamily[]> {
  const metrics = await metricsRegistry.getMetricsAsJSON();
  // Neither the house nor prom-client's metrics of the process have summaries, which no two processes can merge.
  return metrics.filter(({ type }) => String(type) !== "summary").map(toFamily);
}

function toFamily(metric: PromClientMetric): MetricFamily {
  const { name, help, values } = metric;
  // A word at run time; prom-client 15.1.3 declares a numeric enum.
  const type = String(metric.type);
  if (type === "histogram") return { name, help, type, samples: toHistograms(metric) };
  const samples = values.map(({ labels, value }): Sample => ({ labels: toLabels(labels), value }));
  return { name, help, type: type === "counter" || type === "gauge" ? type : "unknown", samples };
}

/** prom-client lists a histogram's lines one after the other: buckets, sum, count. */
function toHistograms({ values }: PromClientMetric): readonly HistogramSample[] {
  const samples: HistogramSample[] = [];
  let buckets: { upperBound: number; cumulativeCount: number }[] = [];
  let sum = 0;
  for (const line of values) {
    const { le, ...labels } = line.labels;
    const lineName = "metricName" in line ? String(line.metricName) : "";
    if (le !== undefined)
      buckets.push({ upperBound: le === "+Inf" ? Infinity : Number(le), cumulativeCount: line.value });
    else if (lineName.endsWith("_sum")) sum = line.value;
    else {
      samples.push({ labels: toLabels(labels), count: line.value, sum, buckets });
      buckets = [];
    }
  }
  return samples;
}

function toLabels(labels: Readonly<Partial<Record<string, string | number>>>): Labels {
  const pairs: [string, string][] = [];
  for (const name in labels) pairs.push([name, String(labels[name])]);
  return pairs;
}
