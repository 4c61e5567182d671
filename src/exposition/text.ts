import { formatGoFloat } from "./go-float.ts";
import { escapeBackslash, inBraces, renderLabelPairs } from "./label-text.ts";
import type { HistogramSample, MetricFamily } from "./metric-family.ts";

/** Text format 0.0.4. https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export function renderText(families: readonly MetricFamily[]): string {
  let text = "";
  for (const family of families) {
    const { name, help, type } = family;
    text += `# HELP ${name} ${escapeBackslash(help)}\n# TYPE ${name} ${type === "unknown" ? "untyped" : type}\n`;
    if (family.type === "histogram") for (const sample of family.samples) text += renderHistogram(name, sample);
    else
      for (const { labels, value } of family.samples) {
        text += `${name}${inBraces(renderLabelPairs(labels))} ${formatGoFloat(value)}\n`;
      }
  }
  return text;
}

/** `le` comes last, as Go's client has it. */
function renderHistogram(name: string, { labels, count, sum, buckets }: HistogramSample): string {
  const pairs = renderLabelPairs(labels);
  const head = `${name}_bucket{${pairs}${pairs && ","}le="`;
  let text = "";
  for (const { upperBound, cumulativeCount } of buckets) {
    text += `${head}${formatGoFloat(upperBound)}"} ${formatGoFloat(cumulativeCount)}\n`;
  }
  const series = inBraces(pairs);
  return `${text}${name}_sum${series} ${formatGoFloat(sum)}\n${name}_count${series} ${formatGoFloat(count)}\n`;
}
