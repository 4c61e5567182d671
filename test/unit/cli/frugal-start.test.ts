import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const MODULE = join(import.meta.dirname, "..", "..", "..", "src", "cli", "frugal-start.ts");

// Makes garbage, much of it in use when it is collected. While it is collected there may be more for a moment.
const makingGarbage = (mostRounds: number): string => `
  const size = () => getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space").space_size;
  const before = size();
  let grown = 0;
  for (let round = 0; round < ${mostRounds} && grown < 3; round += 1) {
    const endMs = performance.now() + 100;
    while (performance.now() < endMs) {
      globalThis.kept = Array.from({ length: 50_000 }, (_, at) => [at, at, at, at, at, at, at]);
    }
    await new Promise(setImmediate);
    grown = size() > before ? grown + 1 : 0;
  }
  console.log(grown === 3);
`;

test("the young generation does not grow while a program loads, but under load", () => {
  assert.equal(run("startFrugally();", makingGarbage(5)), "false");
  assert.equal(run("startFrugally(); runFreely();", makingGarbage(100)), "true");
});

test("nothing is optimized while a program loads, and what is hot afterwards is, by the best compiler", () => {
  // https://github.com/v8/v8/blob/main/src/runtime/runtime.h (OptimizationStatus): 1 << 4 optimized, 1 << 6 by TurboFan.
  const program = `
    function add(one, other) { return one + other; }
    let sum = 0;
    for (let round = 0; round < 1_000; round += 1) {
      for (let i = 0; i < 10_000; i += 1) sum = add(sum, i) % 1_000;
      await new Promise(setImmediate);
    }
    console.log(%GetOptimizationStatus(add) & ((1 << 4) | (1 << 6)));
  `;
  assert.equal(run("startFrugally();", program), "0");
  assert.equal(run("startFrugally(); runFreely();", program), String((1 << 4) | (1 << 6)));
});

// In a process of its own: flags are for the whole of it.
function run(statements: string, program: string): string {
  const script = `
    import { getHeapSpaceStatistics } from "node:v8";
    import { runFreely, startFrugally } from ${JSON.stringify(MODULE)};
    ${statements}
    ${program}`;
  const args = ["--allow-natives-syntax", "--input-type=module", "--eval", script];
  return execFileSync(process.execPath, args, { encoding: "utf8" }).trim();
}
