import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { DEFAULT_LISTENERS } from "../src/config/schema.ts";
import { IMAGE_FETCH_DURATION, PULL_DURATION, PULL_LABELS } from "../src/metrics/metrics.ts";

const ROOT = join(import.meta.dirname, "..");

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

const README = read("README.md");
const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...globSync("{docs,examples}/**/*.md", { cwd: ROOT }),
];

test("README.md is read in one go: at most 120 lines", () => {
  assert.ok(README.split("\n").length <= 121);
});

test("every link between documents leads to a file", () => {
  const broken = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map((match) => match[1]!)
      .filter((target) => !existsSync(join(ROOT, dirname(document), target)))
      .map((target) => `${document}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test("every npm script that a document names exists", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const missing = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/\bnpm (?:run (?:--silent )?([a-z][\w:-]*)|(start|test)\b)/g)]
      .map((match) => match[1] ?? match[2]!)
      .filter((script) => !(script in scripts))
      .map((script) => `${document}: npm run ${script}`),
  );
  assert.deepEqual(missing, []);
});

test("the configurations in README.md are parts of the files in examples/", () => {
  const examples = globSync("examples/**/*.{toml,conf,yaml,yml,json}", { cwd: ROOT }).map(read);
  const blocks = [...README.matchAll(/```toml\n([\s\S]*?)```/g)].map((match) => match[1]!);
  assert.equal(blocks.length, 2);
  for (const block of blocks)
    assert.ok(
      examples.some((example) => example.includes(block)),
      block,
    );
});

test("README.md lists the ports that are served without configuration", () => {
  const ports = DEFAULT_LISTENERS.map(({ address }) => Number(address.split(":")[1]));
  const registries = DEFAULT_LISTENERS.flatMap(({ registry }) => registry ?? []);
  assert.ok(README.includes(`| ${ports[0]} | whichever the request names`));
  assert.ok(README.includes(`| ${ports[1]} … ${ports.at(-1)} | ${registries.join(", ")} |`));
});

test("README.md names both histograms and every label, and its sample is one of their series", () => {
  for (const { name } of [IMAGE_FETCH_DURATION, PULL_DURATION]) assert.ok(README.includes(`\`${name}\``), name);
  const rows = [...README.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(rows, [...PULL_LABELS]);
  const [, name, labels] = /^(\w+)_count\{(.*)\} \d+$/m.exec(README)!;
  assert.equal(name, IMAGE_FETCH_DURATION.name);
  assert.deepEqual(
    labels!.split(",").map((label) => label.split("=")[0]),
    [...PULL_LABELS],
  );
});
