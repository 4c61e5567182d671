// The data plane against its peers: `npm run bench`. Exits 1 below a gate, 2 for a wrong command line, 3 if too noisy to judge.
import { writeFileSync } from "node:fs";
import { runCommand } from "../command-line.ts";
import { exitCodeOf, judge } from "./gates.ts";
import { readOptions, USAGE } from "./options.ts";
import { runBench } from "./run.ts";
import { printGates, printResults } from "./tables.ts";

await runCommand(USAGE, async () => {
  const options = readOptions(process.argv.slice(2));
  const { json } = options;
  const results = await runBench(options, (soFar) => {
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(soFar, null, 1)}\n`);
  });
  console.log(printResults(results));
  const judged = judge(results);
  console.log(printGates(judged));
  return options.gate ? exitCodeOf(judged) : 0;
});
