// Writes docs/benchmarks.md and its plots from what runs have left in docs/benchmarks/: `npm run bench:report`.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { judge } from "../data-plane/gates.ts";
import { printGates, printResults } from "../data-plane/tables.ts";
import type { Line } from "../growth/measure.ts";
import { judgeLoad } from "../load/bars.ts";
import type { LoadOptions, LoadResult } from "../load/measure.ts";
import type { Machine } from "./machine.ts";
import { formatNumber, markdownTable } from "./markdown.ts";
import { barPlot, linePlot } from "./plot.ts";
import { valuesOf, type Results } from "./results.ts";
import { median } from "./statistics.ts";

const DOCS = join(import.meta.dirname, "..", "..", "docs");

interface Taken {
  readonly takenAt: string;
  readonly machine: Machine;
}

type TakenGrowth = Taken & { readonly lines: readonly Line[] };
type TakenLoad = Taken & LoadResult & { readonly options: LoadOptions };

const sections = [
  "# Benchmarks",
  "Written by `npm run bench:report` from the JSON files in [benchmarks](benchmarks); do not edit. How it is measured: [bench/README.md](../bench/README.md).",
  "Compare programs within one table only: they ran in turns, and the machine did other things as well. Values are medians; ratios are medians of the ratios round by round.",
  ...dataPlane(read("data-plane") as Results | undefined),
  ...slowClients(read("slow-clients") as Results | undefined),
  ...growth(read("growth") as TakenGrowth | undefined),
  ...load(read("load") as TakenLoad | undefined),
];
writeFileSync(join(DOCS, "benchmarks.md"), `${sections.join("\n\n")}\n`);

function read(name: string): unknown {
  const file = join(DOCS, "benchmarks", `${name}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

function write(name: string, svg: string): string {
  writeFileSync(join(DOCS, "benchmarks", name), svg);
  return `benchmarks/${name}`;
}

function dataPlane(results: Results | undefined): readonly string[] {
  if (results === undefined) return [];
  const { rounds, sizeMib } = results.options;
  const versions = Object.entries(results.versions).map(([program, version]) => [program, version]);
  return [
    "## Data plane",
    `${describe(results)} ${rounds} rounds, blobs of ${sizeMib} MiB (parallel ones of a quarter), upstream ${results.upstream}.`,
    markdownTable(["program", "version"], versions),
    printGates(judge(results)),
    `![CPU per GiB by program](${write("cpu.svg", cpuPlot(results))})`,
    printResults(results),
  ];
}

/** A run of its own: it takes minutes for each program. */
function slowClients(results: Results | undefined): readonly string[] {
  if (results === undefined) return [];
  return [
    "## Slow clients",
    describe(results),
    `![Memory by number of slow clients](${write("memory.svg", memoryPlot(results))})`,
    printResults(results),
  ];
}

function cpuPlot(results: Results): string {
  const cpu = (workload: string, program: string): number =>
    median(valuesOf(results, workload, program, "cpuSecondsPerGib"));
  const rows = Object.keys(results.versions)
    .map((label) => ({ label, values: [cpu("blob-tls", label), cpu("blob-plain", label)] }))
    .filter(({ values }) => values.some(Number.isFinite));
  return barPlot({ title: "CPU per GiB", unit: "seconds", groups: ["upstream with TLS", "plaintext"], rows });
}

function memoryPlot(results: Results): string {
  const at = (workload: string, program: string, measure: string): number =>
    median(valuesOf(results, workload, program, measure));
  const lines = Object.keys(results.versions).map((label) => {
    const points: [number, number][] = [
      [0, at("slow-100", label, "idleMb")],
      [100, at("slow-100", label, "rssMb")],
      [500, at("slow-500", label, "rssMb")],
    ];
    return { label, points: points.filter(([, y]) => Number.isFinite(y)) };
  });
  return linePlot({
    title: "Memory with slow clients (64 KiB/s each)",
    xLabel: "clients",
    yLabel: "RSS, MB",
    scale: "linear",
    lines: lines.filter(({ points }) => points.length > 0),
  });
}

function growth(taken: TakenGrowth | undefined): readonly string[] {
  if (taken === undefined) return [];
  const tables = taken.lines.map(({ name, grows, points }) => {
    const measures = Object.keys(points[0]?.costs ?? {});
    const rows = points.map(({ size, costs }) => [
      String(size),
      ...measures.map((each) => formatNumber(costs[each] ?? Number.NaN)),
    ]);
    return `### ${name}\n\n${markdownTable([grows, ...measures], rows)}`;
  });
  return [
    "## Growth",
    `${describe(taken)} Tracker, metrics, log and page together; a pull is six requests, its log line and its metrics. CPU time.`,
    `![Cost by number of pulls and registries](${write("growth.svg", growthPlot(taken.lines))})`,
    ...tables,
  ];
}

function growthPlot(lines: readonly Line[]): string {
  const drawn = lines.flatMap(({ name, points }) =>
    ["requestUs", "pullUs"].flatMap((measure) => {
      const measured = points.flatMap(({ size, costs }): [number, number][] => {
        const cost = costs[measure];
        return cost === undefined ? [] : [[size, cost]];
      });
      const label = `${name.replace("live pulls, ", "").replace(", one", ",")}: ${measure.replace("Us", "")}`;
      return measured.length === 0 ? [] : [{ label, points: measured }];
    }),
  );
  return linePlot({
    title: "Cost while things grow",
    xLabel: "live pulls, finished pulls, registries",
    yLabel: "CPU, µs",
    scale: "logarithmic",
    lines: drawn,
  });
}

function load(taken: TakenLoad | undefined): readonly string[] {
  if (taken === undefined) return [];
  const { clients, idleConnections, layerMib } = taken.options;
  const [first] = taken.rounds;
  const columns = Object.keys(first ?? {}) as (keyof NonNullable<typeof first>)[];
  const rows = taken.rounds.map((round, at) => [
    String(at + 1),
    ...columns.map((column) => formatNumber(round[column])),
  ]);
  const bars = judgeLoad(taken).map(({ bar, value, most, holds }) => [
    bar,
    formatNumber(value),
    `at most ${most}`,
    holds ? "holds" : "BROKEN",
  ]);
  return [
    "## Load",
    `${describe(taken)} ${clients} clients read ${layerMib} MiB each at once while ${idleConnections} connections are idle.`,
    markdownTable(["round", ...columns], rows),
    markdownTable(["bar", "value", "limit", "verdict"], bars),
    "p99 is the worst of all rounds. Its limit is a quarter of what a kubelet waits: one process answers those who watch between two turns of its clients. With `workers` the primary answers, and serves nobody: [operations](operations.md).",
  ];
}

function describe({ takenAt, machine }: Taken): string {
  const { cores, cpu, memoryGib, kernel, node, loadAverage } = machine;
  return `${takenAt.slice(0, 10)}: ${cores} cores of ${cpu}, ${memoryGib} GiB, Linux ${kernel}, Node ${node}; load average before the run ${loadAverage}.`;
}
