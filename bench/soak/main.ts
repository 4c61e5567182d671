import { parseOptions, runCommand, UsageError, wholeNumber } from "../command-line.ts";
import { soak, type SoakResult } from "./run.ts";
import type { Sample } from "./sample.ts";
import { growing, growthOf, mebibytes } from "./verdict.ts";

const USAGE = `npm run soak -- [OPTION...]

Pulls at full speed through the built program while registries fail and clients go away, and looks at what grows.

  --minutes N   all in all, at least 1; default 30
  --workers N   pulls at once, default 48
  --seed N      order of pulls, faults and departures; default 1

Exits 1 if memory grows, if anything is left at rest, or if an observation is lost or double.
`;

function readArguments(): { minutes: number; workers: number; seed: number } {
  const values = parseOptions({
    minutes: { type: "string", default: "30" },
    workers: { type: "string", default: "48" },
    seed: { type: "string", default: "1" },
  });
  const minutes = Number(values.minutes);
  if (!(minutes >= 1)) throw new UsageError(`--minutes: "${values.minutes}" is not a number from 1 on`);
  return { minutes, workers: wholeNumber("--workers", values.workers), seed: wholeNumber("--seed", values.seed, 0) };
}

function print(sample: Sample): void {
  const { atS, heapBytes, externalBytes, residentBytes, descriptors, resources, livePulls, observed } = sample;
  const memory = `heap ${mebibytes(heapBytes)}, external ${mebibytes(externalBytes)}, resident ${mebibytes(residentBytes)}`;
  console.log(
    `${atS.toFixed(0).padStart(5)} s  ${memory}, ${descriptors} descriptors, ${resources} resources, ${livePulls} live pulls, ${observed} observed`,
  );
}

function report(result: SoakResult): boolean {
  const { before, during, after, tally } = result;
  const seen = Object.entries(tally.seen)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`);
  console.log(`${tally.pulls} pulls (${seen.join(", ")}), ${tally.aborted} of clients that went away`);
  for (const key of ["heapBytes", "residentBytes"] as const) {
    const { perHour, grown } = growthOf(during, key);
    console.log(
      `${key}: slope ${mebibytes(perHour)} per hour (${mebibytes(grown)} over the load), at rest ${mebibytes(before[key])} before and ${mebibytes(after[key])} after`,
    );
  }
  const lacks = [...growing(result), ...result.problems];
  for (const lack of lacks) console.log(`BELOW THE BAR  ${lack}`);
  if (lacks.length === 0) console.log("nothing grows");
  return lacks.length === 0;
}

await runCommand(USAGE, async () => (report(await soak({ ...readArguments(), onSample: print })) ? 0 : 1));
