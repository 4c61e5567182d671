// Many clients at once, and whether those who watch are still answered: `npm run bench:load`. Exits 1 beyond a bar.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { formatNumber, markdownTable } from "../figures/markdown.ts";
import { describeMachine } from "../figures/machine.ts";
import { judgeLoad } from "./bars.ts";
import { measureLoad } from "./measure.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "1000" },
    idle: { type: "string", default: "5000" },
    layer: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
    workers: { type: "string", default: "1" },
    json: { type: "string" },
  },
});

const options = {
  clients: Number(values.clients),
  idleConnections: Number(values.idle),
  layerMib: Number(values.layer),
  rounds: Number(values.rounds),
  workers: Number(values.workers),
};
const result = await measureLoad(options);
const { rounds, before } = result;
const title = `${options.clients} clients read ${options.layerMib} MiB each; ${options.idleConnections} connections idle`;
const columns = Object.keys(rounds[0] ?? {}) as (keyof (typeof rounds)[number])[];
const rows = rounds.map((round, at) => [String(at + 1), ...columns.map((column) => formatNumber(round[column]))]);
console.log(`### ${title}\n\n${markdownTable(["round", ...columns], rows)}\n`);
console.log(`Before: ${formatNumber(before.rssMb)} MB RSS, ${before.sockets} sockets.\n`);

const judged = judgeLoad(result);
const verdicts = judged.map(({ bar, value, most, holds }) => [
  bar,
  formatNumber(value),
  `at most ${most}`,
  holds ? "holds" : "BROKEN",
]);
console.log(markdownTable(["bar", "value", "limit", "verdict"], verdicts));
if (values.json !== undefined) {
  const taken = { takenAt: new Date().toISOString(), machine: describeMachine(), options };
  writeFileSync(values.json, `${JSON.stringify({ ...taken, ...result }, null, 1)}\n`);
}
if (judged.some(({ holds }) => !holds)) process.exitCode = 1;
