import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseOptions, runCommand, UsageError, wholeNumber } from "../command-line.ts";
import { builtinPlan } from "./builtin-client.ts";
import { makeCells, sampleCells, type Cell } from "./cells.ts";
import type { ClientPlan } from "./client-plan.ts";
import { figuresOf, shortfallsOf } from "./judge.ts";
import { faultMatrixPage } from "./page.ts";
import { realPlan } from "./real-clients.ts";
import { runMatrix, type MatrixResult } from "./run-matrix.ts";
import { faultTable, notGreen, summary } from "./table.ts";

const USAGE = `npm run faults -- [OPTION...]

Lets a registry fail in every way and every phase of a pull, and looks at what clients of the built program notice.

  --clients builtin,podman,containerd   default builtin; the others are real and need root
  --release bookworm|sid                version of the real ones, default sid
  --seed N                              byte positions, TLS, redirects and the sample; default 1
  --short                               a sample: every fault at least once, less than a minute with the built-in client
  --only PATTERN                        faults whose name matches this regular expression
  --verbose                             a line for every pull
  --write                               writes docs/fault-matrix.md; not with --short or --only

Exits 1 below the bar: a cell that is broken, or less than 95 % of the recoverable faults invisible to the client.
`;

const CLIENT_NAMES = ["builtin", "podman", "containerd"] as const;
type ClientName = (typeof CLIENT_NAMES)[number];

const PAGE = join(import.meta.dirname, "..", "..", "docs", "fault-matrix.md");

interface Arguments {
  readonly clients: readonly ClientName[];
  readonly release: "bookworm" | "sid";
  readonly seed: number;
  readonly short: boolean;
  readonly only: RegExp | undefined;
  readonly verbose: boolean;
  readonly write: boolean;
}

function readArguments(): Arguments {
  const values = parseOptions({
    clients: { type: "string", default: "builtin" },
    release: { type: "string", default: "sid" },
    seed: { type: "string", default: "1" },
    short: { type: "boolean", default: false },
    only: { type: "string" },
    verbose: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  });
  const { short, verbose, write, release } = values;
  const seed = wholeNumber("--seed", values.seed, 0);
  const clients = values.clients.split(",").map((name) => {
    const known = CLIENT_NAMES.find((one) => one === name);
    if (known === undefined) throw new UsageError(`--clients: "${name}" is not one of ${CLIENT_NAMES.join(", ")}`);
    return known;
  });
  if (release !== "bookworm" && release !== "sid")
    throw new UsageError(`--release: "${release}" is not one of bookworm, sid`);
  const only = pattern("--only", values.only);
  if (write && (short || only !== undefined)) throw new UsageError("--write: not with --short or --only");
  return { clients, release, seed, short, only, verbose, write };
}

function pattern(option: string, given: string | undefined): RegExp | undefined {
  try {
    return given === undefined ? undefined : new RegExp(given);
  } catch {
    throw new UsageError(`${option}: "${given}" is not a regular expression`);
  }
}

async function main(): Promise<number> {
  const options = readArguments();
  const results: MatrixResult[] = [];
  for (const name of options.clients) {
    const plan = planOf(name, options);
    const result = await runMatrix(plan, chooseCells(plan, options), options.verbose);
    report(result);
    results.push(result);
  }
  if (options.write) writeFileSync(PAGE, faultMatrixPage({ seed: options.seed, results }));
  return results.every((result) => lacksOf(result).length === 0) ? 0 : 1;
}

function planOf(name: ClientName, { seed, release }: Arguments): ClientPlan {
  return name === "builtin" ? builtinPlan(seed) : realPlan(name, release, seed);
}

function chooseCells(plan: ClientPlan, { seed, short, only }: Arguments): Cell[] {
  const cells = makeCells(seed).filter((cell) => plan.takes(cell) && (only?.test(cell.fault.name) ?? true));
  return short ? sampleCells(cells, seed, plan.shortCells) : cells;
}

function report(result: MatrixResult): void {
  const { client, judged, seconds, residentMebibytes } = result;
  console.log(`\n${faultTable(judged)}\n`);
  for (const line of notGreen(judged)) console.log(line.replaceAll("**", ""));
  console.log(`${client}: ${summary(judged)}; ${seconds} s, at most ${residentMebibytes} MiB`);
  for (const lack of lacksOf(result)) console.log(`BELOW THE BAR  ${client}: ${lack}`);
}

function lacksOf({ judged, problems }: MatrixResult): string[] {
  return [...problems, ...shortfallsOf(figuresOf(judged))];
}

await runCommand(USAGE, main);
