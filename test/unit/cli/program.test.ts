import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { CommanderError } from "commander";
import { createProgram } from "../../../src/cli/program.ts";
import { ConfigError } from "../../../src/config/problem.ts";
import { listSettings } from "../../../src/config/setting.ts";
import { seriesBound } from "../../../src/metrics/series-bound.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/config");

/** Runs a command that ends by itself. */
async function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  let stdout = "";
  let stderr = "";
  let error: unknown;
  const program = createProgram({
    version: "1.2.3",
    environment,
    print: (text) => (stdout += text),
    printError: (text) => (stderr += text),
    exitWith: () => {},
  });
  await program.parseAsync(args, { from: "user" }).catch((thrown: unknown) => (error = thrown));
  return { stdout, stderr, error };
}

test("a file without its flag is told the flag", async () => {
  const { stderr, error } = await run(["serve", "pullmeter.yaml"]);
  assert.ok(error instanceof CommanderError && error.exitCode !== 0);
  assert.equal(stderr, "error: serve takes no arguments; did you mean --config pullmeter.yaml?\n");
});

test("--version prints the version alone", async () => {
  assert.equal((await run(["--version"])).stdout, "1.2.3\n");
});

test("help of every command tells the exit codes, and help of serve every flag, variable and default", async () => {
  for (const command of [[], ["serve"], ["check-config"], ["demo"], ["replay"]]) {
    const { stdout } = await run([...command, "--help"]);
    assert.match(
      stdout,
      /0 {2}everything asked for was done.*\n {2}1 {2}failure\n {2}2 {2}wrong usage or configuration/,
    );
  }
  const { stdout } = await run(["serve", "--help"]);
  for (const { flag, variable } of listSettings()) {
    assert.ok(stdout.includes(`${flag} `), flag);
    assert.ok(stdout.includes(`env: ${variable})`), variable);
  }
  assert.match(stdout, /default: 25s, env: PULLMETER_TIMEOUTS_DRAIN/);
});

test("an unknown flag is wrong usage and the nearest one is proposed", async () => {
  const { error, stderr } = await run(["serve", "--lisener", "x"]);
  assert.ok(error instanceof CommanderError && error.exitCode !== 0);
  assert.equal(stderr, "error: unknown option '--lisener'\n(Did you mean --listener?)\n");
});

test("an unknown command, a missing value and an argument too many are wrong usage", async () => {
  for (const args of [
    ["sevre"],
    ["serve", "--log-level"],
    ["serve", "file.yaml"],
    ["check-config", "a", "b"],
    ["check-config", "a", "--config", "b"],
    ["replay"],
  ]) {
    const { error } = await run(args);
    assert.ok(error instanceof CommanderError && error.exitCode !== 0, args.join(" "));
  }
});

test("check-config prints listeners, registries, and each setting with the place it comes from", async () => {
  const file = join(FIXTURES, "layers.yaml");
  const flags = ["--log-level", "warn", "--allow-push", "--allow-registry", "*.example.com"];
  const { stdout, error } = await run(["check-config", file, ...flags], {
    PULLMETER_TIMEOUTS_DRAIN: "1500ms",
    HTTPS_PROXY: "http://user:hunter2@proxy.example.com:3128",
    PULLMETER_REGISTRIES: "quay.io",
  });
  assert.equal(error, undefined);
  const lines = new Set(stdout.split("\n").map((line) => line.trim().replaceAll(/ {2,}/g, " | ")));
  for (const expected of [
    "shared | 127.0.0.1:0 | the registry that a request names",
    "shared-2 | 127.0.0.1:0 | the registry that a request names | isolation firecracker, trigger execution, allowPush false",
    "admin | 127.0.0.1:9090 | metrics, health and pulls",
    "ghcr.io | http://127.0.0.1:9999, redirects passed, private addresses allowed",
    "quay.io | https://quay.io, through proxy http://proxy.example.com:3128",
    "*.example.com | allowed by pattern",
    "(built-in list) | allowed",
    "log.level | warn | --log-level",
    "allowPush | true | --allow-push",
    "timeouts.drain | 1s500ms | PULLMETER_TIMEOUTS_DRAIN",
    `timeouts.stall | 3s | ${file}:5`,
    "timeouts.connect | 5s | default",
  ]) {
    assert.ok(lines.has(expected), `${expected}\nis not in\n${stdout}`);
  }
  assert.doesNotMatch(stdout, /hunter2/);
});

test("check-config prints what a listener or a registry overrides, and nothing that it does not", async () => {
  const { stdout, error } = await run(["check-config", join(FIXTURES, "overrides.yaml")]);
  assert.equal(error, undefined);
  assert.match(
    stdout,
    /^ {2}nodes +127\.0\.0\.1:5000 +.* isolation node, trigger warmup, allowPush true, tokens relay$/m,
  );
  assert.match(stdout, /^ {2}pods +127\.0\.0\.1:5001 +the registry that a request names$/m);
  assert.match(stdout, /^ {2}ghcr\.io +https:\/\/ghcr\.io +verifyBlobs 0\.5$/m);
});

test("check-config prints what serve would warn of, last", async () => {
  const { stdout } = await run(["check-config", "--registry", "10.0.0.7:5000"]);
  assert.match(stdout, /\n\nWarnings:\n {2}10\.0\.0\.7:5000: every request is refused: [^\n]*\n$/);
  assert.doesNotMatch((await run(["check-config"])).stdout, /Warnings/);
});

async function printedSeries(environment: Readonly<Record<string, string>>): Promise<number> {
  const { stdout } = await run(["check-config"], environment);
  const [, count] = /^Metrics: at most (\d+) series, whatever clients ask for\.$/m.exec(stdout) ?? [];
  return Number(count);
}

test("check-config prints how many series there can be, which is more with many registries and less without a histogram", async () => {
  const usual = seriesBound({});
  assert.equal(await printedSeries({}), usual);
  assert.ok((await printedSeries({ PULLMETER_METRICS_ORIGIN_NAME: "none" })) < usual);
  const many = Array.from({ length: 50 }, (_, index) => `registry${index}.com`).join(",");
  assert.ok((await printedSeries({ PULLMETER_REGISTRIES: many })) > usual);
});

test("check-config takes the file from its argument, from --config, or from PULLMETER_CONFIG", async () => {
  const file = join(FIXTURES, "invalid-root.yaml");
  const message = `${file}:1: wrong type; expected a mapping (got a list)`;
  for (const { error } of [
    await run(["check-config", file]),
    await run(["check-config", "--config", file]),
    await run(["check-config"], { PULLMETER_CONFIG: file }),
    await run(["check-config", file], { PULLMETER_CONFIG: "/nowhere.yaml" }),
  ]) {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.message, message);
  }
});

test("a boolean's flag can be given with and without a value", async () => {
  for (const [flags, printed] of [
    [["--allow-push"], /allowPush +true /],
    [["--allow-push", "--log-level", "info"], /allowPush +true /],
    [["--allow-push=false"], /allowPush +false /],
    [["--well-known-registries=false"], /wellKnownRegistries +false /],
  ] as const) {
    assert.match((await run(["check-config", ...flags])).stdout, printed);
  }
  const { error } = await run(["check-config", "--allow-push=maybe"]);
  assert.ok(error instanceof ConfigError);
  assert.equal(error.message, '--allow-push: allowPush: not a boolean; expected true or false (got "maybe")');
});

test("of a flag given twice the last value counts, of a list all do", async () => {
  const flags = ["--log-level", "warn", "--log-level", "debug", "--listener", ":7000", "--listener", ":7001=ghcr.io"];
  const { stdout } = await run(["check-config", ...flags]);
  assert.match(stdout, /log\.level +debug +--log-level/);
  assert.match(stdout, /shared +:7000 /);
  assert.match(stdout, /ghcr\.io +:7001 +https:\/\/ghcr\.io/);
});

test("check-config --schema prints a JSON Schema that knows every key of the file", async () => {
  const { stdout } = await run(["check-config", "--schema"]);
  const schema = JSON.parse(stdout) as { additionalProperties: boolean; properties: Record<string, unknown> };
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(new Set(Object.keys(schema.properties)), new Set(listSettings().map((setting) => setting.path[0])));
});
