import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const MODULE = join(import.meta.dirname, "..", "..", "..", "src", "cli", "young-generation.ts");

/** Allocates 40 MB that stay, and prints the megabytes of the young generation. */
const FILL_AND_PRINT = `
  const kept = Array.from({ length: 400_000 }, (_, at) => [at, at, at, at, at, at, at]);
  const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space");
  console.log(kept.length && Math.round(space.space_size / 1024 ** 2));
`;

test("the young generation grows not while it is held, and grows afterwards", () => {
  assert.equal(sizeAfter("holdYoungGeneration();") <= 2, true);
  assert.equal(sizeAfter("holdYoungGeneration(); letYoungGenerationGrow();") > 2, true);
});

// In a process of its own: flags are for the whole of it.
function sizeAfter(statements: string): number {
  const script = `
    import { getHeapSpaceStatistics } from "node:v8";
    import { holdYoungGeneration, letYoungGenerationGrow } from ${JSON.stringify(MODULE)};
    ${statements}
    ${FILL_AND_PRINT}`;
  return Number(execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" }));
}
