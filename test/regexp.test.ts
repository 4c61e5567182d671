import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { analyse } from "scslre";

// Headers, names and manifests are whatever somebody sends. A regexp that reads a part of its input again and again takes
// quadratic time, or worse: half a minute for one header of 64 KiB, and nobody else is served meanwhile.

/** What the analysis takes for slow and is not, with the reason. */
const LINEAR_ALL_THE_SAME: Readonly<Record<string, string>> = {
  "/\\?(.*)$/s": "nothing can fail behind the first question mark",
  "/#.*$/s": "nothing can fail behind the first number sign",
};

/** Where expressions are put together at run time; each is below. */
const COMPOSED = ["demo/registry-thread-main.ts", "oci/registry-host.ts", "oci/rewrite-challenge.ts"];

const SRC = join(import.meta.dirname, "..", "src");

/** A literal where a value may stand: behind an operator, a bracket, `return` or at the beginning of a line. */
const LITERAL = /(?:[(,=:[!&|?{};]|\breturn|\n)\s*(\/(?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[dgimsuvy]*)/g;

interface Found {
  readonly file: string;
  readonly literal: string;
}

function sourceFiles(): string[] {
  return readdirSync(SRC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(SRC, join(entry.parentPath, entry.name)));
}

function literalsIn(file: string): Found[] {
  return [...readFileSync(join(SRC, file), "utf8").matchAll(LITERAL)].map(([, literal = ""]) => ({ file, literal }));
}

function isSlow(literal: string): boolean {
  const end = literal.lastIndexOf("/");
  // How often it is applied and what it tells of the place change nothing.
  const flags = literal.slice(end + 1).replaceAll(/[dgy]/g, "");
  return analyse(new RegExp(literal.slice(1, end), flags)).reports.length > 0;
}

test("every regexp in src/ takes linear time", () => {
  const found = sourceFiles().flatMap(literalsIn);
  assert.ok(found.length > 100, `${found.length} were found`);
  const slow = found.filter(({ literal }) => !(literal in LINEAR_ALL_THE_SAME) && isSlow(literal));
  assert.deepEqual(slow, []);
});

test("no other regexp is put together at run time", () => {
  const composing = sourceFiles().filter((file) => readFileSync(join(SRC, file), "utf8").includes("new RegExp("));
  assert.deepEqual(composing.toSorted(), COMPOSED);
});

for (const literal of ["/(a+)+$/", "/([\\w-]+)\\s*=\\s*x/g", "/\\d+m/"]) {
  test(`${literal} is found to be slow`, () => assert.equal(isSlow(literal), true));
}
