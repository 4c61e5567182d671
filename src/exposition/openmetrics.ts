import { formatGoFloat } from "./go-float.ts";
import { escapeLabelValue, inBraces, renderLabelPairs } from "./label-text.ts";
import type { Exemplar, HistogramSample, MetricFamily } from "./metric-family.ts";

/**
 * OpenMetrics 1.0 text. https://prometheus.io/docs/specs/om/open_metrics_spec/
 *
 * A series has the same name and labels here as in text format 0.0.4, `le` included: there, whole bounds have no `.0`.
 * The spec's canonical form (a SHOULD) would give them one, and series of an exporter that is scraped in one format
 * would not merge with those of an exporter that is scraped in the other. `_created` is left out, as the spec allows:
 * to Prometheus it would be one more series for each.
 */
export function renderOpenMetrics(families: readonly MetricFamily[]): string {
  let text = "";
  for (const family of families) {
    const { name, type, unit } = describe(family);
    text += `# TYPE ${name} ${type}\n`;
    if (unit !== undefined) text += `# UNIT ${name} ${unit}\n`;
    // Here, unlike in the older format, quotes are escaped in a help too.
    text += `# HELP ${name} ${escapeLabelValue(family.help)}\n`;
    text += renderSamples(family);
  }
  return `${text}# EOF\n`;
}

/** Base units of https://prometheus.io/docs/practices/naming/#base-units that a name may end in. */
const UNIT = /_(seconds|bytes|ratio|meters|grams|joules|volts|amperes|celsius)$/;

/** The family of a counter is named without `_total`; what calls itself a counter without that suffix is none here. */
function describe({ name, type }: MetricFamily) {
  const isCounter = type === "counter" && name.endsWith("_total");
  const familyName = isCounter ? name.slice(0, -"_total".length) : name;
  return {
    name: familyName,
    type: type === "counter" && !isCounter ? "unknown" : type,
    unit: UNIT.exec(familyName)?.[1],
  };
}

function renderSamples(family: MetricFamily): string {
  let text = "";
  if (family.type === "histogram") {
    for (const sample of family.samples) text += renderHistogram(family.name, sample);
    return text;
  }
  for (const { labels, value } of family.samples) {
    text += `${family.name}${inBraces(renderLabelPairs(labels))} ${formatGoFloat(value)}\n`;
  }
  return text;
}

function renderHistogram(name: string, { labels, count, sum, buckets }: HistogramSample): string {
  const pairs = renderLabelPairs(labels);
  const head = `${name}_bucket{${pairs}${pairs && ","}le="`;
  let text = "";
  for (const { upperBound, cumulativeCount, exemplar } of buckets) {
    text += `${head}${formatGoFloat(upperBound)}"} ${formatGoFloat(cumulativeCount)}${renderExemplar(exemplar)}\n`;
  }
  const series = inBraces(pairs);
  return `${text}${name}_sum${series} ${formatGoFloat(sum)}\n${name}_count${series} ${formatGoFloat(count)}\n`;
}

/**
 * 128 characters, names and values together, is what an exemplar may have; scrapers refuse the whole scrape otherwise.
 * Counted as UTF-16 units, of which there are never fewer.
 */
const MAX_EXEMPLAR_LENGTH = 128;

function renderExemplar(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return "";
  const { labels, value, timestampMs } = exemplar;
  let length = 0;
  for (const [name, text] of labels) length += name.length + text.length;
  if (length > MAX_EXEMPLAR_LENGTH) return "";
  return ` # {${renderLabelPairs(labels)}} ${formatGoFloat(value)} ${(timestampMs / 1000).toFixed(3)}`;
}
