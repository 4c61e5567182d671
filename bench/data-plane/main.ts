// The data plane against its peers: `npm run bench`. Exits 1 below a gate, 2 for a wrong command line, 3 if too noisy to judge.
import { writeFileSync } from "node:fs";
import { exitCodeOf, judge } from "./gates.ts";
import { readOptions, USAGE, type Options } from "./options.ts";
import { runBench } from "./run.ts";
import { printGates, printResults } from "./tables.ts";

const EXIT_USAGE = 2;

const options = optionsOrUsage();
if (options !== undefined) {
  const { json } = options;
  const results = await runBench(options, (soFar) => {
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(soFar, null, 1)}\n`);
  });
  console.log(printResults(results));
  const judged = judge(results);
  console.log(printGates(judged));
  if (options.gate) process.exitCode = exitCodeOf(judged);
}

function optionsOrUsage(): Options | undefined {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exitCode = EXIT_USAGE;
    return undefined;
  }
}
