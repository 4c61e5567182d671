import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { readCorpus } from "../fuzz/corpus.ts";
import { inputsFor } from "../fuzz/inputs.ts";
import { TARGETS } from "../fuzz/targets.ts";

// The same texts in every run. `npm run fuzz` tries new ones, and adds what it finds to the corpus.

for (const target of TARGETS) {
  test(`${target.name} keeps its promises for its corpus`, () => {
    const corpus = readCorpus(target.name);
    assert.ok(corpus.length >= 3, `${corpus.length} texts`);
    for (const text of corpus) target.check(text);
  });

  test(`${target.name} keeps its promises for texts that nobody thought of`, () => {
    fc.assert(fc.property(inputsFor(target, readCorpus(target.name)), target.check), {
      seed: 1,
      numRuns: target.runs ?? 300,
    });
  });
}

test("every corpus belongs to a target", () => {
  const files = readdirSync(join(import.meta.dirname, "..", "fixtures", "corpus"));
  assert.deepEqual(files.toSorted(), TARGETS.map(({ name }) => `${name}.json`).toSorted());
});
