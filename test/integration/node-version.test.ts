import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../..");
const COMMAND = join(ROOT, "bin/pullmeter.js");

/** The versions that package.json allows, for example `>=22.19`. */
const { engines } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { engines: { node: string } };
const [oldestMajor = 0, oldestMinor = 0] = engines.node.slice(">=".length).split(".").map(Number);

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

function run(node: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(node, args, { encoding: "utf8" });
  return { status, stdout, stderr };
}

function refusal(version: string) {
  const needed = engines.node.replace(">=", ">= ");
  return { status: 1, stdout: "", stderr: `pullmeter needs Node ${needed}; this is v${version}\n` };
}

/** Makes the Node of this test say that it is another one, before the command is loaded. */
function pretend(version: string): string {
  const versions = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
  const own = `Object.defineProperty(process, "version", { value: "v${version}" })`;
  return `data:text/javascript,${encodeURIComponent(`${versions}; ${own}`)}`;
}

for (const version of ["18.20.8", "20.20.2", "21.99.0", "22.18.0"]) {
  test(`Node ${version} is told that it is too old`, () => {
    assert.equal(isSupported(version), false);
    assert.deepEqual(run(process.execPath, ["--import", pretend(version), COMMAND, "--version"]), refusal(version));
  });
}

for (const version of ["22.19.0", "23.0.0", "24.1.0", "100.0.0"]) {
  test(`Node ${version} will do`, () => {
    assert.equal(isSupported(version), true);
    // What follows is the program's, built or not.
    const { stderr } = run(process.execPath, ["--import", pretend(version), COMMAND, "--version"]);
    assert.doesNotMatch(stderr, /needs Node/);
  });
}

const nodes = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "node"));
for (const node of new Set(nodes.filter((path) => existsSync(path)))) {
  const version = run(node, ["--print", "process.versions.node"]).stdout.trim();
  if (isSupported(version)) continue;
  test(`the Node ${version} of this machine is told so, and nothing else`, () => {
    assert.deepEqual(run(node, [COMMAND, "--version"]), refusal(version));
  });
}
