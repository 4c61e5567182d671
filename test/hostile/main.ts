import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CATALOGUE } from "./catalogue.ts";
import type { Group } from "./hostile-input.ts";
import { judge, type Judgement } from "./judge.ts";
import { hostilePage } from "./page.ts";

const USAGE = `npm run hostile -- [OPTION...]

Tries every hostile input on the built program, and tells what got through.

  --only TEXT   inputs whose group or name has this in it
  --write       writes docs/hostile-inputs.md
`;

const ROOT = join(import.meta.dirname, "..", "..");

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { only: { type: "string" }, write: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  if (values.write === true && values.only !== undefined) {
    console.error("--write: the page is of all inputs; leave --only out");
    return 2;
  }
  const startMs = performance.now();
  const judgement = await judge(select(values.only), join(ROOT, "bin", "pullmeter.js"));
  report(judgement, (performance.now() - startMs) / 1_000);
  if (values.write === true) writeFileSync(join(ROOT, "docs", "hostile-inputs.md"), hostilePage(judgement));
  return isWithstood(judgement) ? 0 : 1;
}

function select(only: string | undefined): readonly Group[] {
  if (only === undefined) return CATALOGUE;
  const wanted = only.toLowerCase();
  return CATALOGUE.map((group) => ({
    ...group,
    inputs: group.inputs.filter(({ name }) => `${group.title} ${name}`.toLowerCase().includes(wanted)),
  })).filter(({ inputs }) => inputs.length > 0);
}

function report({ verdicts, problems }: Judgement, seconds: number): void {
  for (const [group, rows] of Map.groupBy(verdicts, (verdict) => verdict.group)) {
    const through = rows.filter((verdict) => verdict.problems.length > 0);
    console.log(
      `${String(rows.length - through.length).padStart(4)} of ${String(rows.length).padEnd(4)} ${group.title}`,
    );
    for (const verdict of through) console.log(`            ${verdict.input.name}: ${verdict.problems.join("; ")}`);
  }
  for (const problem of problems) console.log(`            ${problem}`);
  const refused = verdicts.flatMap((verdict) => verdict.refused);
  const counts = Map.groupBy(refused, (reason) => reason);
  const withstood = verdicts.filter((verdict) => verdict.problems.length === 0).length;
  console.log(`\n${withstood} of ${verdicts.length} withstood, ${seconds.toFixed(1)} s`);
  console.log(`refused: ${[...counts].map(([reason, all]) => `${reason} ${all.length}`).join(", ")}`);
}

function isWithstood({ verdicts, problems }: Judgement): boolean {
  return problems.length === 0 && verdicts.every((verdict) => verdict.problems.length === 0);
}
