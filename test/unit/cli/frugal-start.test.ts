import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const MODULE = join(import.meta.dirname, "..", "..", "..", "src", "cli", "frugal-start.ts");

test("the young generation does not grow while a program loads, and grows afterwards", () => {
  // 40 MB that stay.
  const program = `
    const size = () => getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space").space_size;
    const before = size();
    const kept = Array.from({ length: 400_000 }, (_, at) => [at, at, at, at, at, at, at]);
    console.log(kept.length > 0 && size() > before);
  `;
  assert.equal(run("startFrugally();", program), "false");
  assert.equal(run("startFrugally(); runFreely();", program), "true");
});

test("nothing is optimized while a program loads, and what is hot afterwards is", () => {
  // A million calls are hundreds of times what V8 waits for; the last bits of the status are the compilers'.
  const program = `
    const OPTIMIZED = 1 << 4;
    const MAGLEVED = 1 << 5;
    function add(one, other) { return one + other; }
    let sum = 0;
    for (let round = 0; round < 1_000; round += 1) {
      for (let i = 0; i < 10_000; i += 1) sum = add(sum, i) % 1_000;
      await new Promise(setImmediate);
    }
    console.log((%GetOptimizationStatus(add) & (OPTIMIZED | MAGLEVED)) !== 0);
  `;
  assert.equal(run("startFrugally();", program), "false");
  assert.equal(run("startFrugally(); runFreely();", program), "true");
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
