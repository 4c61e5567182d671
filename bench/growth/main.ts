// Whether tracking, metrics and page cost the same however much there is: `npm run bench:growth`. Exits 1 if something grows.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { formatNumber, markdownTable } from "../figures/markdown.ts";
import { describeMachine } from "../figures/machine.ts";
import { flatness, isFlat, MEASURES } from "./flatness.ts";
import { measureFinished, measureLive, measureRegistries, SHAPES, type Line } from "./measure.ts";

const { values: options } = parseArgs({
  options: { short: { type: "boolean", default: false }, json: { type: "string" } },
});

/** Calls in each batch. */
const BATCH = options.short ? 1_000 : 3_000;
const LIVE = [1, 10, 100, 1_000, 10_000];
const FINISHED = options.short ? [1_000, 10_000, 50_000] : [1_000, 10_000, 100_000, 1_000_000];
const REGISTRIES = [1, 10, 100, 1_000];

// Compiles what is measured, which would else be paid by the first points.
measureLive("one daemon", [100], BATCH);
await measureFinished([3_000], BATCH);

const lines: Line[] = [];
for (const shape of Object.keys(SHAPES)) lines.push(measureLive(shape, LIVE, BATCH));
lines.push(await measureFinished(FINISHED, BATCH), await measureRegistries(REGISTRIES, BATCH));

for (const { name, grows, points } of lines) {
  const measures = Object.keys(points[0]?.costs ?? {});
  const rows = points.map(({ size, costs }) => [
    String(size),
    ...measures.map((each) => formatNumber(costs[each] ?? 0)),
  ]);
  const growth = ["growth", ...measures.map((each) => `× ${formatNumber(flatness(points, each))}`)];
  console.log(`### ${name}\n\n${markdownTable([grows, ...measures], [...rows, growth])}\n`);
}

const grown = lines.flatMap(({ name, points }) =>
  MEASURES.filter(({ measure }) => !isFlat(points, measure)).map(({ measure }) => `${name}: ${measure}`),
);
for (const each of grown) console.log(`GROWS ${each}`);
if (options.json !== undefined) {
  const taken = { takenAt: new Date().toISOString(), machine: describeMachine(), short: options.short };
  writeFileSync(options.json, `${JSON.stringify({ ...taken, lines }, null, 1)}\n`);
}
if (grown.length > 0) process.exitCode = 1;
