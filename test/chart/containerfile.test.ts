import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAddress } from "../../src/config/address.ts";
import { DEFAULT_LISTENERS, settingsSchema } from "../../src/config/schema.ts";
import { ROOT } from "../support/helm.ts";

interface Instruction {
  readonly name: string;
  readonly value: string;
}

const FILES = ["Containerfile", "Containerfile.scratch"];

for (const file of FILES) {
  test(`${file} runs as uid 65532 and in exec form, so that SIGTERM reaches the program`, () => {
    const stage = finalStage(file);
    assert.deepEqual(valuesOf(stage, "USER"), ["65532:65532"]);
    assert.deepEqual(valuesOf(stage, "ENTRYPOINT").map(parseExec), [["/nodejs/bin/node", "/app/bin/pullmeter.js"]]);
    assert.deepEqual(valuesOf(stage, "CMD").map(parseExec), [["serve"]]);
  });

  test(`${file} runs nothing in the final image, which has no shell, and gives it no file to own`, () => {
    const stage = finalStage(file);
    const names = new Set(stage.map(({ name }) => name));
    for (const name of ["RUN", "ADD", "HEALTHCHECK", "SHELL", "VOLUME"]) assert.ok(!names.has(name), name);
    const copies = valuesOf(stage, "COPY");
    assert.notEqual(copies.length, 0);
    for (const copy of copies) assert.match(copy, /^--chown=0:0 /);
  });

  test(`${file} exposes the ports of the default configuration`, () => {
    const { admin } = settingsSchema.parse({});
    const listeners = DEFAULT_LISTENERS.map(({ address }) => parseAddress(address)?.port);
    assert.deepEqual(valuesOf(finalStage(file), "EXPOSE").join(" ").split(" ").map(Number), [
      ...listeners,
      admin.address.port,
    ]);
  });

  test(`${file} is labelled as the image specification says`, () => {
    const labels = valuesOf(finalStage(file), "LABEL").join(" ");
    for (const name of ["title", "description", "licenses", "version", "revision"]) {
      assert.match(labels, new RegExp(`org\\.opencontainers\\.image\\.${name}="[^"]+"`));
    }
  });
}

test("both images are the same to whoever runs them", () => {
  const [published, scratch] = FILES.map((file) =>
    finalStage(file).filter(({ name }) => !["FROM", "COPY"].includes(name)),
  );
  assert.deepEqual(scratch, published);
});

test("the published image has the dependencies that run, and none that build, from bases that name their release", () => {
  const instructions = parseContainerfile("Containerfile");
  const copies = valuesOf(finalStage("Containerfile"), "COPY").filter((value) => value.includes("node_modules"));
  assert.deepEqual(copies, ["--chown=0:0 --from=dependencies /app/node_modules /app/node_modules"]);
  const start = instructions.findIndex(({ value }) => value.endsWith(" AS dependencies"));
  const [install] = valuesOf(instructions.slice(start), "RUN");
  assert.equal(install, "npm ci --omit=dev --ignore-scripts");
  const bases = valuesOf(instructions, "ARG").filter((value) => value.includes("IMAGE="));
  assert.equal(bases.length, 2);
  for (const base of bases) assert.match(base, /24(-[a-z]+|-debian13:nonroot)$/);
});

test("every file that the published image copies exists and is part of the build context", () => {
  const allowed = readFileSync(join(ROOT, ".dockerignore"), "utf8").trim().split("\n");
  assert.equal(allowed[0], "*");
  const copied = valuesOf(parseContainerfile("Containerfile"), "COPY")
    .filter((value) => !value.includes("--from="))
    .flatMap((value) => value.replace("--chown=0:0 ", "").split(" ").slice(0, -1));
  assert.deepEqual(
    copied.filter((path) => !existsSync(join(ROOT, path))),
    [],
  );
  assert.deepEqual(
    copied.filter((path) => !allowed.includes(`!${path}`)),
    [],
  );
  assert.deepEqual(
    allowed.slice(1).filter((line) => !copied.includes(line.slice(1))),
    [],
  );
});

function parseContainerfile(file: string): Instruction[] {
  return readFileSync(join(ROOT, file), "utf8")
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", value = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? assert.fail(`${file}: ${line}`);
      return { name, value };
    });
}

function finalStage(file: string): Instruction[] {
  const instructions = parseContainerfile(file);
  return instructions.slice(instructions.findLastIndex(({ name }) => name === "FROM"));
}

function valuesOf(instructions: readonly Instruction[], name: string): string[] {
  return instructions.filter((instruction) => instruction.name === name).map(({ value }) => value);
}

/** Shell form is no JSON, and throws. */
function parseExec(value: string): unknown {
  return JSON.parse(value);
}
