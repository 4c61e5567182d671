// Many clients at once, and whether those who watch are still answered: `npm run bench:load`. Exits 1 beyond a bar.
import { writeFileSync } from "node:fs";
import { parseOptions, runCommand, wholeNumber } from "../command-line.ts";
import { formatNumber, markdownTable } from "../figures/markdown.ts";
import { describeMachine } from "../figures/machine.ts";
import { judgeLoad } from "./bars.ts";
import { measureLoad, type LoadOptions, type LoadResult } from "./measure.ts";

const USAGE = `npm run bench:load -- [OPTION...]

Many clients read layers at once while others keep connections idle, and /metrics and /readyz are asked meanwhile.

  --clients N   that read at once, default 1000
  --idle N      connections without requests, default 5000
  --layer N     MiB that each client reads, default 8
  --rounds N    one after the other, in one process; default 3
  --workers N   processes that serve, default 1
  --json FILE   where to write all values

Exits 1 beyond a bar.
`;

await runCommand(USAGE, async () => {
  const { json, ...values } = parseOptions({
    clients: { type: "string", default: "1000" },
    idle: { type: "string", default: "5000" },
    layer: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
    workers: { type: "string", default: "1" },
    json: { type: "string" },
  });
  const options: LoadOptions = {
    clients: wholeNumber("--clients", values.clients),
    idleConnections: wholeNumber("--idle", values.idle, 0),
    layerMib: wholeNumber("--layer", values.layer),
    rounds: wholeNumber("--rounds", values.rounds),
    workers: wholeNumber("--workers", values.workers),
  };
  const result = await measureLoad(options);
  printRounds(options, result);
  if (json !== undefined) {
    const taken = { takenAt: new Date().toISOString(), machine: describeMachine(), options };
    writeFileSync(json, `${JSON.stringify({ ...taken, ...result }, null, 1)}\n`);
  }
  return printBars(result) ? 0 : 1;
});

function printRounds({ clients, layerMib, idleConnections }: LoadOptions, { rounds, before }: LoadResult): void {
  const title = `${clients} clients read ${layerMib} MiB each; ${idleConnections} connections idle`;
  const columns = Object.keys(rounds[0] ?? {}) as (keyof (typeof rounds)[number])[];
  const rows = rounds.map((round, at) => [String(at + 1), ...columns.map((column) => formatNumber(round[column]))]);
  console.log(`### ${title}\n\n${markdownTable(["round", ...columns], rows)}\n`);
  console.log(`Before: ${formatNumber(before.rssMb)} MB RSS, ${before.sockets} sockets.\n`);
}

/** True if all hold. */
function printBars(result: LoadResult): boolean {
  const judged = judgeLoad(result);
  const verdicts = judged.map(({ bar, value, most, holds }) => [
    bar,
    formatNumber(value),
    `at most ${most}`,
    holds ? "holds" : "BROKEN",
  ]);
  console.log(markdownTable(["bar", "value", "limit", "verdict"], verdicts));
  return judged.every(({ holds }) => holds);
}
