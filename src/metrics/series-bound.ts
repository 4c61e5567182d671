import type { MetricsOptions } from "./create-metrics.ts";
import type { Definition } from "./definition.ts";
import {
  AUTH_KINDS,
  BOOLEANS,
  BOUNDS,
  CAPPED_LABELS,
  CAUSES,
  END_RULES,
  OPERATIONS,
  OUTCOMES,
  PHASES,
  REFUSAL_REASONS,
  RESULTS,
  SIDES,
  REPEATED,
  STATUSES,
  TRIGGERS,
  UNASSIGNED_REASONS,
} from "./label-values.ts";
import {
  MAX_COMBINATIONS,
  MAX_ISOLATIONS,
  MAX_PHASE_REGISTRIES,
  MAX_REQUEST_COMBINATIONS,
  MAX_SERVING_DOMAINS,
  maxRegistries,
} from "./limits.ts";
import { IMAGE_FETCH_DURATION, METRICS, PULL_LABELS, PULL_PHASE, REQUESTS } from "./metrics.ts";

/** 200 series: prom-client 15 has about 100 for a process on Linux. */
const PROCESS_SERIES = 200;

/** Most series that /metrics can ever have with these options, whatever clients ask for: each line of a scrape is one. */
export function seriesBound(options: Pick<MetricsOptions, "imageFetchHistogram" | "registries" | "workers">): number {
  const registries = maxRegistries(options.registries ?? []) + OTHER;
  let series = PROCESS_SERIES;
  for (const definition of METRICS) {
    if (definition.labels.some((label) => label === "worker")) {
      series += options.workers ?? 0;
      continue;
    }
    if (definition === IMAGE_FETCH_DURATION && options.imageFetchHistogram === false) continue;
    series += labelSets(definition, registries) * linesOf(definition);
  }
  return series;
}

/** What is beyond a limit has one value more: [OTHER]. */
const OTHER = 1;

/** Buckets, that of +Infinity, sum and count. */
function linesOf({ buckets }: Definition): number {
  return buckets === undefined ? 1 : buckets.length + 3;
}

function labelSets(definition: Definition, registries: number): number {
  const closed = (labels: readonly string[]) =>
    labels.reduce((product, label) => product * valuesOf(label, definition, registries), 1);
  // Beyond the limit on combinations, what is left are those of the labels that are not folded into [OTHER].
  if (definition.labels.length === PULL_LABELS.length) {
    return (
      MAX_COMBINATIONS + closed(definition.labels.filter((label) => label !== "isolation" && label !== "registry"))
    );
  }
  if (definition === REQUESTS) {
    return MAX_REQUEST_COMBINATIONS + closed(definition.labels.filter((label) => label !== "registry"));
  }
  if (definition === PULL_PHASE) return (MAX_PHASE_REGISTRIES + OTHER) * PHASES.length;
  return closed(definition.labels);
}

const REASONS = Math.max(UNASSIGNED_REASONS.length, REFUSAL_REASONS.length);

const COUNTS: Readonly<Record<string, number>> = {
  isolation: MAX_ISOLATIONS + OTHER,
  trigger: TRIGGERS.length + OTHER,
  serving_domain: MAX_SERVING_DOMAINS + OTHER,
  status: STATUSES.length,
  on_disk: BOOLEANS.length,
  has_creds: BOOLEANS.length,
  retry_after: BOOLEANS.length,
  operation: OPERATIONS.length,
  outcome: OUTCOMES.length,
  kind: AUTH_KINDS.length,
  end_rule: END_RULES.length,
  cause: CAUSES.length,
  result: RESULTS.length,
  side: SIDES.length,
  repeated: REPEATED.length,
  reason: REASONS,
  bound: BOUNDS.length,
  label: CAPPED_LABELS.length,
  version: 1,
  node_version: 1,
};

function valuesOf(label: string, { name }: Definition, registries: number): number {
  const count = label === "registry" ? registries : COUNTS[label];
  if (count === undefined) throw new Error(`${name}: nothing is known of the values of the label ${label}`);
  return count;
}
