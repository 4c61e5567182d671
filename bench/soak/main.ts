import { parseArgs } from "node:util";
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

class UsageError extends Error {}

function readArguments(): { minutes: number; workers: number; seed: number } {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: "string", default: "30" },
        workers: { type: "string", default: "48" },
        seed: { type: "string", default: "1" },
      },
    });
    const [minutes, workers, seed] = [values.minutes, values.workers, values.seed].map(Number);
    if (!(minutes! >= 1)) throw new UsageError(`--minutes: "${values.minutes}" is not a number from 1 on`);
    if (!Number.isInteger(workers) || workers! < 1)
      throw new UsageError(`--workers: "${values.workers}" is not a whole number above 0`);
    if (!Number.isInteger(seed)) throw new UsageError(`--seed: "${values.seed}" is not a whole number`);
    return { minutes: minutes!, workers: workers!, seed: seed! };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(error instanceof Error ? error.message : String(error));
  }
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

try {
  process.exitCode = report(await soak({ ...readArguments(), onSample: print })) ? 0 : 1;
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
