import { parseArgs } from "node:util";
import * as fc from "fast-check";
import { addToCorpus, readCorpus } from "./corpus.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { inputsFor } from "./inputs.ts";
import { TARGETS } from "./targets.ts";

const USAGE = `npm run fuzz -- [OPTION...]

Gives every parser texts until the time is over, and adds the shortest one that breaks a promise to its corpus.

  --seconds N     for all targets together, default 60
  --target NAME   this one alone
  --seed N        default: the time; printed, so that a run can be repeated

Targets: ${TARGETS.map(({ name }) => name).join(", ")}
`;

/** As many runs as take some hundred milliseconds; the time is looked at between. */
const RUNS_AT_ONCE = 2_000;

process.exitCode = main(process.argv.slice(2));

function main(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "60" },
      target: { type: "string" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      help: { type: "boolean", short: "h" },
    },
  });
  const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
  if (values.help === true || targets.length === 0 || !(seconds > 0) || !Number.isInteger(seed)) {
    console.log(USAGE);
    return values.help === true ? 0 : 2;
  }
  console.log(`seed ${seed}`);
  const failed = targets.filter((target) => !fuzz(target, seed, (seconds * 1_000) / targets.length));
  return failed.length === 0 ? 0 : 1;
}

/** False if a text was found that breaks a promise. */
function fuzz(target: FuzzTarget, firstSeed: number, forMs: number): boolean {
  const endMs = performance.now() + forMs;
  const inputs = inputsFor(target, readCorpus(target.name));
  let runs = 0;
  for (let seed = firstSeed; performance.now() < endMs; seed++) {
    const details = fc.check(fc.property(inputs, target.check), { seed, numRuns: RUNS_AT_ONCE });
    runs += details.numRuns;
    const [text] = details.counterexample ?? [];
    if (text === undefined) continue;
    addToCorpus(target.name, text);
    console.log(
      `${target.name}: broken after ${runs} texts by ${JSON.stringify(text)}\n${String(details.errorInstance)}`,
    );
    return false;
  }
  console.log(`${target.name}: ${runs} texts`);
  return true;
}
