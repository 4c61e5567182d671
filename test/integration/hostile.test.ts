import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CATALOGUE } from "../hostile/catalogue.ts";
import { judge } from "../hostile/judge.ts";
import { hostilePage } from "../hostile/page.ts";

const ENTRY = join(import.meta.dirname, "..", "support", "command-line.ts");
const PAGE = join(import.meta.dirname, "..", "..", "docs", "hostile-inputs.md");

test("no hostile input gets through", async (t) => {
  const judgement = await judge(CATALOGUE, ENTRY);
  for (const group of CATALOGUE) {
    await t.test(`${group.title}: ${group.inputs.length} inputs`, () => {
      const through = judgement.verdicts
        .filter((verdict) => verdict.group === group && verdict.problems.length > 0)
        .map(({ input, problems }) => `${input.name}: ${problems.join("; ")}`);
      assert.deepEqual(through, []);
    });
  }
  await t.test("nothing strayed, and the programs ended well", () => assert.deepEqual(judgement.problems, []));
  await t.test("docs/hostile-inputs.md is what `npm run hostile -- --write` writes", () => {
    assert.equal(readFileSync(PAGE, "utf8"), hostilePage(judgement));
  });
});

test("each input has a name of its own", () => {
  const names = CATALOGUE.flatMap(({ title, inputs }) => inputs.map(({ name }) => `${title}: ${name}`));
  assert.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
  assert.ok(names.length >= 120);
});
