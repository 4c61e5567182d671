import type { Registry } from "prom-client";
import { chooseOffer, type MediaOffer } from "./accept.ts";
import { formatGoFloat } from "./go-float.ts";

/** What a scrape is answered with. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** Answers a scrape in the format that its `Accept` header likes best. */
export type Expose = (accept: string | undefined) => Promise<Exposition>;

interface Format extends MediaOffer {
  readonly contentType: string;
  readonly render: (families: readonly Family[]) => string;
}

/** All series of one metric. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly value: number;
}

/** In the order of our own preference. */
const FORMATS: readonly [Format, ...Format[]] = [
  {
    type: "text/plain",
    parameters: { version: "0.0.4" },
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    render: renderText,
  },
];

/** prom-client's objects, rendered here: its own rendering spells `le` as JavaScript does. */
export function exposeMetrics(metricsRegistry: Registry): Expose {
  return async (accept) => {
    const format = chooseOffer(accept, FORMATS);
    return { contentType: format.contentType, body: format.render(await collect(metricsRegistry)) };
  };
}

async function collect(metricsRegistry: Registry): Promise<readonly Family[]> {
  const metrics = await metricsRegistry.getMetricsAsJSON();
  return metrics.map((metric) => ({
    name: metric.name,
    help: metric.help,
    // A word at run time; prom-client 15.1.3 declares a numeric enum.
    type: String(metric.type),
    samples: metric.values.map((value) => ({
      name: "metricName" in value && typeof value.metricName === "string" ? value.metricName : metric.name,
      labels: value.labels,
      value: value.value,
    })),
  }));
}

// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
function renderText(families: readonly Family[]): string {
  let text = "";
  for (const { name, help, type, samples } of families) {
    text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    for (const sample of samples) {
      text += `${sample.name}${renderLabels(sample.labels)} ${formatGoFloat(sample.value)}\n`;
    }
  }
  return text;
}

/** In declared order, `le` last as Go's client has it. */
function renderLabels(labels: Sample["labels"]): string {
  let pairs = "";
  for (const name in labels) {
    if (name !== "le") pairs += `${pairs && ","}${name}="${escapeLabelValue(String(labels[name]))}"`;
  }
  const { le } = labels;
  if (le !== undefined) pairs += `${pairs && ","}le="${typeof le === "number" ? formatGoFloat(le) : le}"`;
  return pairs && `{${pairs}}`;
}

function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

const TO_ESCAPE = /[\\\n"]/;

function escapeLabelValue(value: string): string {
  if (!TO_ESCAPE.test(value)) return value;
  return escapeHelp(value).replaceAll('"', '\\"');
}
