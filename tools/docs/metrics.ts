// Prints docs/metrics.md from src/metrics/metrics.ts.
import { createMetrics } from "../../src/metrics/create-metrics.ts";
import type { Definition } from "../../src/metrics/definition.ts";
import {
  AUTH_KINDS,
  BOUNDS,
  CAPPED_LABELS,
  END_RULES,
  OPERATIONS,
  OUTCOMES,
  REFUSAL_REASONS,
  STATUSES,
  TRIGGERS,
  UNASSIGNED_REASONS,
} from "../../src/metrics/label-values.ts";
import {
  MAX_COMBINATIONS,
  MAX_ISOLATIONS,
  MAX_REGISTRIES,
  MAX_REQUEST_COMBINATIONS,
  MAX_SERVING_DOMAINS,
} from "../../src/metrics/limits.ts";
import { IMAGE_FETCH_DURATION, METRICS, REFUSED, UNASSIGNED_REQUESTS } from "../../src/metrics/metrics.ts";
import { seriesBound } from "../../src/metrics/series-bound.ts";

const INTRODUCTION = `# Metrics

<!-- Generated from src/metrics/metrics.ts by "npm run docs": edit there. -->

\`/metrics\` on the admin listener answers in the format that the \`Accept\` header likes best: text 0.0.4, OpenMetrics 1.0
(with exemplars: the id of a pull and of its trace, or of a layer), or protobuf (with native histograms as well). Names of series are the
same in all of them. One finished pull is exactly one observation in each of the two histograms of pulls. \`${IMAGE_FETCH_DURATION.name}\` is the
histogram of BuildBuddy's executors, with its labels, bounds and spelling of \`le\`, so that series from executors and
from pullmeter merge; its name can be changed, or the histogram left out. It knows the statuses \`ok\` and \`error\` only.

No label holds a repository, tag, digest, client or error text: those are in the [pull log](pull-log.md).
`;

const QUESTIONS = `## Questions and answers

Pulls that reach a registry are rare events: rate windows below ten minutes are mostly empty.

\`\`\`promql
# Share of pulls that failed and were not the user's own fault, by registry
sum by (registry) (rate(pullmeter_pull_duration_seconds_count{status=~"error|timeout"}[15m]))
  / sum by (registry) (rate(pullmeter_pull_duration_seconds_count[15m]))

# 90 % of the pulls that transferred something took less than
histogram_quantile(0.9, sum by (le) (rate(pullmeter_pull_duration_seconds_bucket{status="ok", on_disk="false"}[15m])))

# How much of its pull limit is left to clients without credentials
min by (registry) (pullmeter_ratelimit_remaining{has_creds="false"} / pullmeter_ratelimit_limit{has_creds="false"})

# Share of the bytes that were on disk
sum(rate(pullmeter_pull_skipped_bytes_total[1h]))
  / (sum(rate(pullmeter_pull_skipped_bytes_total[1h])) + sum(rate(pullmeter_pull_transferred_bytes_total[1h])))

# How far to trust the numbers: share of the requests that belong to no pull
sum(rate(pullmeter_unassigned_requests_total[15m]))
  / (sum(rate(pullmeter_unassigned_requests_total[15m])) + rate(pullmeter_assigned_requests_total[15m]))

# Share of the pulls that were given up rather than seen to end
sum(rate(pullmeter_pulls_ended_total{end_rule=~"capped|flushed|dropped"}[1h])) / sum(rate(pullmeter_pulls_ended_total[1h]))

# Of the wait for the heads of responses, the share that is the proxy's own
rate(pullmeter_proxy_head_duration_seconds_sum[15m])
  / (rate(pullmeter_proxy_head_duration_seconds_sum[15m]) + sum(rate(pullmeter_upstream_head_duration_seconds_sum[15m])))
\`\`\`
`;

const KINDS =
  "no credentials, or a Basic header with an empty name; Basic; a token issued to nobody; a token issued to somebody; a token that does not tell";

const ENDS =
  "nothing came any more; the client closed its last connection; nothing came after a failure; it was waited for as long as it may be; the proxy stopped; the tracker had no room left";

/** The whole page. */
export function metricsPage(): string {
  return [
    INTRODUCTION,
    "## Metrics of pullmeter\n",
    ...METRICS.map(metricSection),
    "## Labels\n",
    table(["label", "values"], labelRows()),
    "",
    `The labels of pulls have at most ${MAX_COMBINATIONS} combinations; any further one has \`[OTHER]\` as \`isolation\` and \`registry\`. Those of
\`pullmeter_requests_total\` have at most ${MAX_REQUEST_COMBINATIONS}, and then \`[OTHER]\` as \`registry\`. Whatever clients ask for, a scrape has at most
${seriesBound({})} series; \`pullmeter check-config\` prints the number for a configuration, which may have more registries.\n`,
    QUESTIONS,
    "## Metrics of the process\n",
    "From prom-client, as it finds them on Linux.\n",
    table(["metric", "type", "what it tells"], processRows()),
    "",
  ].join("\n");
}

function metricSection({ name, type, help, labels, buckets, native = false }: Definition): string {
  const facts = [`- type: ${type}`, `- labels: ${labels.length === 0 ? "none" : words(labels)}`];
  if (buckets) facts.push(`- buckets: ${buckets.join(", ")}, +Inf`);
  if (native) facts.push("- also a native histogram, for scrapers that ask for protobuf");
  return [`### \`${name}\`\n`, `${help}\n`, ...facts, ""].join("\n");
}

function labelRows(): string[][] {
  return [
    [
      "`isolation`",
      `what pulled: from the listener, a request header or the client's User-Agent; a word of at most 32 characters; ${capped(MAX_ISOLATIONS)}`,
    ],
    [
      "`registry`",
      `registrable domain of the registry that the client asked for, \`[IP_ADDRESS]\`, or \`[UNKNOWN]\` for single-label names, and for what was refused (outcome or cause \`refused\`) and is not named in the configuration; ${capped(MAX_REGISTRIES)}; configured registries always keep their own`,
    ],
    ["`status`", words(STATUSES)],
    ["`on_disk`", "`true`: no layer had to be fetched; `false`"],
    ["`has_creds`", "`true`: the client used credentials, anonymous tokens being none; `false`"],
    ["`trigger`", words(TRIGGERS)],
    [
      "`serving_domain`",
      `registrable domain of the host that served a config or layer; ${capped(MAX_SERVING_DOMAINS)}`,
    ],
    ["`kind`", `${words(AUTH_KINDS)}: ${KINDS}`],
    ["`end_rule`", `${words(END_RULES)}: ${ENDS}`],
    ["`retry_after`", "`true`: the response has the header `Retry-After`; `false`"],
    ["`operation`", words(OPERATIONS)],
    ["`outcome`", words(OUTCOMES)],
    [`\`reason\` of \`${UNASSIGNED_REQUESTS.name}\``, words(UNASSIGNED_REASONS)],
    [`\`reason\` of \`${REFUSED.name}\``, words(REFUSAL_REASONS)],
    ["`bound`", words(BOUNDS)],
    ["`label`", words(CAPPED_LABELS)],
    ["`version`, `node_version`", "of pullmeter and of Node.js"],
  ];
}

function capped(limit: number): string {
  return `at most ${limit} values, any further one is \`[OTHER]\` and counted`;
}

function processRows(): string[][] {
  const own = new Set(METRICS.map(({ name }) => name));
  const all = createMetrics({ version: "" }).metricsRegistry.getMetricsAsArray();
  return all.filter(({ name }) => !own.has(name)).map(({ name, type, help }) => [`\`${name}\``, String(type), help]);
}

function words(values: readonly string[]): string {
  return values.map((value) => `\`${value}\``).join(", ");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map(tableRow).join("\n");
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
