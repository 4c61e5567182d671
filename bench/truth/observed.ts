import { setTimeout as delay } from "node:timers/promises";
import type { ObservedPull } from "./compare.ts";
import type { ProxyProcess } from "./proxy-process.ts";

/** The line of one finished pull, as far as the bench reads it. */
export interface PullLine {
  readonly schema?: string;
  readonly id: string;
  readonly isolation: string;
  readonly registry: string;
  readonly status: string;
  readonly on_disk: boolean;
  readonly has_creds: boolean;
  readonly trigger: string;
  readonly cause: string;
  readonly registry_host?: string;
  readonly repository: string;
  readonly reference: string;
  readonly trace_id?: string;
  readonly client_process?: number;
  readonly start: string;
  readonly duration_ms: number;
  readonly blobs: readonly { readonly digest: string; readonly start_ms: number }[];
}

/** The pull lines of the program's log. */
export function pullLinesOf(lines: readonly Record<string, unknown>[]): PullLine[] {
  return (lines as readonly Partial<PullLine>[]).filter(
    (line): line is PullLine => line.schema === "pullmeter.pull/v1",
  );
}

export function observationOf(line: PullLine): ObservedPull {
  const startMs = Date.parse(line.start);
  return {
    id: line.id,
    registry: line.registry,
    repository: line.repository,
    reference: line.reference,
    status: line.status,
    cause: line.cause,
    onDisk: line.on_disk,
    hasCreds: line.has_creds,
    isolation: line.isolation,
    trigger: line.trigger,
    startMs,
    endMs: startMs + line.duration_ms,
    ...(line.trace_id === undefined ? {} : { traceId: line.trace_id }),
    ...(line.client_process === undefined ? {} : { process: line.client_process }),
    blobs: line.blobs.map(({ digest, start_ms }) => ({ digest, startMs: startMs + start_ms })),
  };
}

const ORIGIN = "buildbuddy_remote_execution_image_fetch_duration_usec";
const TWIN = "pullmeter_pull_duration_seconds";
const LABELS = ["isolation", "registry", "status", "on_disk", "has_creds", "trigger"] as const;

/** Where log and metrics do not tell the same: every pull line is one observation in each histogram, and nothing else is. */
export function disagreements(lines: readonly PullLine[], metricsText: string): string[] {
  const samples = parseSamples(metricsText);
  return [
    ...compareCounts(
      TWIN,
      samples,
      lines.map((line) => labelKey(line, line.status)),
    ),
    ...compareCounts(
      ORIGIN,
      samples,
      lines.map((line) => labelKey(line, line.status === "ok" ? "ok" : "error")),
    ),
  ];
}

/** Silences of upstreams that were none: the bench's registries are slow, but never silent for 5 s. Clients may be. */
export function falseStalls(metricsText: string): string[] {
  return [...parseSamples(metricsText)]
    .filter(([name, value]) => /^pullmeter_stalls_total\{.*side="upstream"/.test(name) && value > 0)
    .map(([name, value]) => `${name} is ${value}, but no upstream was silent`);
}

function compareCounts(histogram: string, samples: ReadonlyMap<string, number>, keys: readonly string[]): string[] {
  const logged = new Map<string, number>();
  for (const key of keys) logged.set(key, (logged.get(key) ?? 0) + 1);
  const prefix = `${histogram}_count{`;
  const counted = new Map(
    [...samples]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [canonical(name.slice(prefix.length, -1)), value]),
  );
  return [...new Set([...logged.keys(), ...counted.keys()])]
    .filter((key) => (logged.get(key) ?? 0) !== (counted.get(key) ?? 0))
    .map((key) => `${histogram} counts ${counted.get(key) ?? 0}, the log ${logged.get(key) ?? 0} with ${key}`);
}

function labelKey(line: PullLine, status: string): string {
  return LABELS.map((label) => `${label}="${label === "status" ? status : String(line[label])}"`)
    .toSorted()
    .join(",");
}

/** Label values of the bench hold no comma. */
function canonical(labels: string): string {
  return labels.split(",").toSorted().join(",");
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format, without timestamps. */
export function parseSamples(text: string): Map<string, number> {
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    samples.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

/** Above the longest that the tracker holds a pull back: 60 s after a 429. */
const SETTLE_TIMEOUT_MS = 90_000;

/** Waits until every pull is decided, reads the metrics, and ends the program. */
export async function settle(proxy: ProxyProcess): Promise<{ metrics: string; problems: string[] }> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  const problems: string[] = [];
  let metrics = await proxy.metrics();
  while (parseSamples(metrics).get("pullmeter_pulls_in_progress") !== 0) {
    if (performance.now() > deadline) {
      problems.push("pulls are still in progress 90 s after the last client ended");
      break;
    }
    await delay(250);
    metrics = await proxy.metrics();
  }
  const exitCode = await proxy.stop();
  if (exitCode !== 0) problems.push(`pullmeter serve ended with ${exitCode} after SIGTERM`);
  return { metrics, problems };
}
