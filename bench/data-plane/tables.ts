import { formatNumber, markdownTable } from "../figures/markdown.ts";
import { valuesOf, type Results, type Skipped } from "../figures/results.ts";
import { median, pairedRatio } from "../figures/statistics.ts";
import { REFERENCE } from "./candidates.ts";
import type { Judged } from "./gates.ts";
import { WORKLOADS } from "./workloads.ts";

interface Column {
  readonly title: string;
  readonly measure: string;
  /** Which is best is told as well. */
  readonly best?: (values: readonly number[]) => number;
  /** The ratio to the reference is told as well. */
  readonly ratio?: boolean;
}

const least = (values: readonly number[]): number => Math.min(...values);

const COLUMNS: readonly Column[] = [
  { title: "CPU s/GiB", measure: "cpuSecondsPerGib", best: least, ratio: true },
  { title: "MB/s", measure: "mbPerSecond", ratio: true },
  { title: "peak RSS MB", measure: "peakRssMb" },
  { title: "peak growth MB", measure: "peakGrowthMb" },
  { title: "client's CPU s/GiB", measure: "clientCpuSecondsPerGib" },
  { title: "requests/s", measure: "requestsPerSecond", ratio: true },
  { title: "CPU ms/1000", measure: "cpuMsPer1000", ratio: true },
  { title: "p50 µs", measure: "p50Us" },
  { title: "p99 µs", measure: "p99Us" },
  { title: "start ms", measure: "startMs" },
  { title: "RSS MB", measure: "rssMb" },
  { title: "peak MB", measure: "peakMb" },
  { title: "growth MB", measure: "growthMb" },
  { title: "RSS growth MB", measure: "rssGrowthMb" },
  { title: "sockets left", measure: "socketsLeft" },
  { title: "idle CPU ms/10 s", measure: "cpuMsPer10s" },
  { title: "reads/MiB", measure: "readsPerMib" },
  { title: "writes/MiB", measure: "writesPerMib" },
  { title: "calls/MiB", measure: "callsPerMib" },
];

/** A table for each workload: medians, the best in brackets, ratios to the reference. */
export function printResults(results: Results): string {
  const names = [...new Set(results.series.map(({ workload }) => workload))];
  const tables = names.map((name) => `### ${titleOf(name)}\n\n${printWorkload(results, name)}`);
  return [...tables, printSkipped(results.skipped)].join("\n\n");
}

function titleOf(series: string): string {
  const [name = "", connections] = series.split("/");
  const about = WORKLOADS.find((workload) => workload.name === name)?.about ?? "";
  return `${name}: ${about}${connections === undefined || connections === "1" ? "" : `, ${connections} connections`}`;
}

function printWorkload(results: Results, workload: string): string {
  const programs = results.series.filter((each) => each.workload === workload).map(({ program }) => program);
  const inOrder = Object.keys(results.versions).filter((program) => programs.includes(program));
  const columns = COLUMNS.filter(({ measure }) =>
    programs.some((program) => valuesOf(results, workload, program, measure).length > 0),
  );
  const head = columns.flatMap(({ title, ratio }) => (ratio === true ? [title, `× ${REFERENCE}`] : [title]));
  const rows = inOrder.map((program) => [
    program,
    ...columns.flatMap((column) => cells(results, workload, program, column)),
  ]);
  return markdownTable(["program", ...head], rows);
}

function cells(results: Results, workload: string, program: string, column: Column): readonly string[] {
  const values = valuesOf(results, workload, program, column.measure);
  const middle = formatNumber(median(values));
  const best = column.best === undefined || values.length < 2 ? "" : ` (${formatNumber(column.best(values))})`;
  const told = middle === "" ? "" : middle + best;
  if (column.ratio !== true) return [told];
  return [told, formatNumber(pairedRatio(values, valuesOf(results, workload, REFERENCE, column.measure)))];
}

function printSkipped(skipped: readonly Skipped[]): string {
  const unique = [
    ...new Set(skipped.map(({ program, workload = "everything", reason }) => `${program}\t${workload}\t${reason}`)),
  ];
  if (unique.length === 0) return "Nothing was skipped.";
  const rows = unique.map((line) => line.split("\t"));
  return `### Skipped\n\n${markdownTable(["program", "workload", "why"], rows)}`;
}

export function printGates(judged: readonly Judged[]): string {
  const rows = judged.map(({ gate, value, verdict, referenceSpread }) => [
    gate.measure,
    formatNumber(value),
    `${gate.bound} ${gate.gate}`,
    String(gate.goal),
    verdict === "too noisy" ? `too noisy (${(referenceSpread * 100).toFixed(0)} %)` : verdict,
  ]);
  return `### Gates\n\n${markdownTable(["measure", "value", "gate", "goal", "verdict"], rows)}`;
}
