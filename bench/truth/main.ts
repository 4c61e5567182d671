import { writeFileSync } from "node:fs";
import type { Release } from "../../test/support/clients/programs.ts";
import { parseOptions, runCommand, UsageError, wholeNumber } from "../command-line.ts";
import type { ClientKind } from "./driver.ts";
import { BARS, formatMisses, formatTable, shortfalls, sumOf, tallyOf, type Tally } from "./report.ts";
import { runBench, type BenchOptions } from "./run.ts";

const USAGE = `npm run truth -- [OPTION...]

Lets real clients make a random schedule of pulls through the built program and compares every observation with the truth.

  --client podman|containerd|all   default all
  --release bookworm|sid|all       version of the clients, default all
  --pulls N                        pulls in one run, default 200
  --parallel N                     workers, default 6
  --seed N[,N...]                  one run for each, default the time
  --workers N                      processes that serve, default 1
  --faults                         the registry fails, stalls and cuts
  --strong-key                     containerd's traceparent is passed on, podman's processes are looked up
  --bar exact|rules                exact: the project's bar (default). rules: the bar of runs with faults, and two
                                   mistakes forgiven in each column, for runs too short for a share
  --json FILE                      results as JSON
  --keep FOLDER                    recordings with their truth, logs, metrics and misses
`;

interface Arguments {
  readonly kinds: readonly ClientKind[];
  readonly releases: readonly Release[];
  readonly seeds: readonly number[];
  readonly pulls: number;
  readonly parallel: number;
  readonly workers: number;
  readonly faults: boolean;
  readonly strongKey: boolean;
  readonly bar: "exact" | "rules";
  readonly json: string | undefined;
  readonly keep: string | undefined;
}

function readArguments(): Arguments {
  const values = parseOptions({
    client: { type: "string", default: "all" },
    release: { type: "string", default: "all" },
    pulls: { type: "string", default: "200" },
    parallel: { type: "string", default: "6" },
    seed: { type: "string", default: String(Math.floor(Date.now() / 1000) % 1_000_000) },
    workers: { type: "string", default: "1" },
    faults: { type: "boolean", default: false },
    "strong-key": { type: "boolean", default: false },
    bar: { type: "string", default: "exact" },
    json: { type: "string" },
    keep: { type: "string" },
  });
  const kinds = choice("--client", values.client, ["podman", "containerd"] as const);
  const releases = choice("--release", values.release, ["bookworm", "sid"] as const);
  const strongKey = values["strong-key"];
  return {
    kinds,
    releases,
    seeds: values.seed.split(",").map((seed) => wholeNumber("--seed", seed)),
    pulls: wholeNumber("--pulls", values.pulls),
    parallel: wholeNumber("--parallel", values.parallel),
    workers: wholeNumber("--workers", values.workers),
    faults: values.faults,
    strongKey,
    bar: choice("--bar", values.bar, ["exact", "rules"] as const)[0] ?? "exact",
    json: values.json,
    keep: values.keep,
  };
}

function choice<Value extends string>(option: string, given: string, values: readonly Value[]): Value[] {
  const chosen = values.filter((value) => given === value || (given === "all" && values.length > 1));
  if (chosen.length === 0) throw new UsageError(`${option}: "${given}" is not one of ${values.join(", ")}`);
  return chosen;
}

/** Runs one after the other: two at once would measure each other. */
async function main(): Promise<number> {
  const { kinds, releases, seeds, bar, json, ...common } = readArguments();
  const sums: Tally[] = [];
  for (const kind of kinds) {
    for (const release of releases) {
      // containerd 1.6 passes no trace on, so there is no strong key to test.
      if (common.strongKey && kind === "containerd" && release === "bookworm") continue;
      const tallies: Tally[] = [];
      for (const seed of seeds) tallies.push(await oneRun({ ...common, kind, release, seed }));
      sums.push(
        tallies.length === 1
          ? tallies[0]!
          : sumOf(tallies[0]!.name.replace(/seed \d+/, `${seeds.length} seeds`), tallies),
      );
    }
  }
  console.log(`\n${formatTable(sums)}`);
  const wanted =
    bar === "rules" ? BARS.faults : common.strongKey ? BARS.strong : common.faults ? BARS.faults : BARS.clean;
  const lacks = sums.flatMap((sum) =>
    shortfalls(sum, wanted, bar === "rules" ? 2 : 0).map((lack) => `${sum.name}: ${lack}`),
  );
  for (const lack of lacks) console.log(`BELOW THE BAR  ${lack}`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ sums, lacks }, null, 2)}\n`);
  return lacks.length === 0 ? 0 : 1;
}

async function oneRun(options: BenchOptions): Promise<Tally> {
  const { name, comparison, problems, recorded, seconds } = await runBench(options);
  const tally = tallyOf(name, comparison);
  tally.faults.push(...problems.map((problem) => `seed ${options.seed}: ${problem}`));
  console.log(`\n${formatTable([tally])}\n${recorded}; ${seconds} s`);
  const misses = formatMisses(comparison);
  if (misses !== "") console.log(misses);
  for (const problem of problems) console.log(`PROBLEM  ${problem}`);
  return tally;
}

await runCommand(USAGE, main);
