// Whether tracking, metrics and page cost the same however much there is: `npm run bench:growth`. Exits 1 if something grows.
import { writeFileSync } from "node:fs";
import { parseOptions, runCommand } from "../command-line.ts";
import { formatNumber, markdownTable } from "../figures/markdown.ts";
import { describeMachine } from "../figures/machine.ts";
import { flatness, isFlat, MEASURES } from "./flatness.ts";
import { measureFinished, measureLive, measureRegistries, SHAPES, type Line } from "./measure.ts";

const USAGE = `npm run bench:growth -- [OPTION...]

What a request, a pull and a scrape cost while live pulls, finished pulls and registries grow.

  --short      less of everything, for CI: half a minute
  --json FILE  where to write all values

Exits 1 if something grows.
`;

const LIVE = [1, 10, 100, 1_000, 10_000];
const REGISTRIES = [1, 10, 100, 1_000];

await runCommand(USAGE, async () => {
  const { short, json } = parseOptions({ short: { type: "boolean", default: false }, json: { type: "string" } });
  const lines = await measureAll(short);
  for (const line of lines) print(line);
  const grown = lines.flatMap(({ name, points }) =>
    MEASURES.filter(({ measure }) => !isFlat(points, measure)).map(({ measure }) => `${name}: ${measure}`),
  );
  for (const each of grown) console.log(`GROWS ${each}`);
  if (json !== undefined) {
    const taken = { takenAt: new Date().toISOString(), machine: describeMachine(), short };
    writeFileSync(json, `${JSON.stringify({ ...taken, lines }, null, 1)}\n`);
  }
  return grown.length === 0 ? 0 : 1;
});

async function measureAll(short: boolean): Promise<readonly Line[]> {
  /** Calls in each batch. */
  const batch = short ? 1_000 : 3_000;
  const finished = short ? [1_000, 10_000, 50_000] : [1_000, 10_000, 100_000, 1_000_000];
  // Compiles what is measured, which would else be paid by the first points.
  measureLive("one daemon", [100], batch);
  await measureFinished([3_000], batch);
  const live = Object.keys(SHAPES).map((shape) => measureLive(shape, LIVE, batch));
  return [...live, await measureFinished(finished, batch), await measureRegistries(REGISTRIES, batch)];
}

function print({ name, grows, points }: Line): void {
  const measures = Object.keys(points[0]?.costs ?? {});
  const rows = points.map(({ size, costs }) => [
    String(size),
    ...measures.map((each) => formatNumber(costs[each] ?? 0)),
  ]);
  const growth = ["growth", ...measures.map((each) => `× ${formatNumber(flatness(points, each))}`)];
  console.log(`### ${name}\n\n${markdownTable([grows, ...measures], [...rows, growth])}\n`);
}
