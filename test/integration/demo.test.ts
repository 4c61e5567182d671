import assert from "node:assert/strict";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { test, type TestContext } from "node:test";
import { SCENARIO } from "../../src/demo/scenario.ts";
import type { PullRecord } from "../../src/log/pull-record.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const HISTOGRAM = "buildbuddy_remote_execution_image_fetch_duration_usec";

/** 60 s: the demo takes about 6 s on an idle machine. */
const DEADLINE_MS = 60_000;

type Child = ChildProcessByStdio<null, Readable, Readable>;

function startDemo(t: TestContext, ...flags: string[]): Child {
  const main = `import { main } from "./src/cli/main.ts"; await main();`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", main, "demo", ...flags], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: DEADLINE_MS,
  });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

async function textOf(stream: Readable): Promise<string> {
  return Buffer.concat(await stream.toArray()).toString();
}

/** Labels of each pull of the scenario: registry, status, on_disk, has_creds, trigger, and the cause behind them. */
const EXPECTED = [
  ["cold, 4 layers", "demo/app:v1", "open.test ok false false execution", "none"],
  ["again, on disk", "demo/app:v1", "open.test ok true false execution", "none"],
  ["1 of 4 is new", "demo/app:v2", "open.test ok false false execution", "none"],
  ["2 of 3 shared", "demo/other:v1", "open.test ok false false execution", "none"],
  ["multi-arch", "demo/multi:v1", "open.test ok false false warmup", "none"],
  ["cut and resumed", "demo/flaky:v1", "open.test ok false false execution", "none"],
  ["missing tag", "demo/app:missing", "open.test user_error false false execution", "not_found"],
  ["layer gives 500", "demo/broken:v1", "open.test error false false execution", "upstream_5xx"],
  ["anonymous token", "team/tools:v1", "token.test ok false false execution", "none"],
  ["no credentials", "team/secret:v1", "token.test user_error false false execution", "unauthorized"],
  ["with user alice", "team/secret:v1", "token.test ok false true execution", "none"],
];

/** Series of the histogram that follow from them: labels without isolation, and how many pulls have them. */
const SERIES = {
  'registry="open.test",status="ok",on_disk="false",has_creds="false",trigger="execution"': 4,
  'registry="open.test",status="ok",on_disk="true",has_creds="false",trigger="execution"': 1,
  'registry="open.test",status="ok",on_disk="false",has_creds="false",trigger="warmup"': 1,
  'registry="open.test",status="error",on_disk="false",has_creds="false",trigger="execution"': 2,
  'registry="token.test",status="ok",on_disk="false",has_creds="false",trigger="execution"': 1,
  'registry="token.test",status="error",on_disk="false",has_creds="false",trigger="execution"': 1,
  'registry="token.test",status="ok",on_disk="false",has_creds="true",trigger="execution"': 1,
};

test("every pull of the demo is observed once, with its labels, in table, log and histogram", async (t) => {
  assert.equal(EXPECTED.length, SCENARIO.length);
  const child = startDemo(t, "--once");
  const [output, errors, [code]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, "exit")]);
  assert.equal(code, 0, output + errors);
  assert.equal(errors, "");
  assert.ok(!output.includes("\u001b"), "no colours where no terminal is");
  const lines = output.split("\n");

  const head = lines.findIndex((line) => line.startsWith("PULL"));
  const rows = lines.slice(head + 1, head + 1 + EXPECTED.length).map((line) => line.split(/ {2,}/).slice(0, 7));
  assert.deepEqual(
    rows,
    EXPECTED.map(([what, image, labels]) => [what, image, ...labels!.split(" ")]),
  );

  const records = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as PullRecord);
  assert.deepEqual(
    records.map(({ repository, reference, registry, status, on_disk, has_creds, trigger, cause }) => [
      `${repository}:${reference}`,
      [registry, status, on_disk, has_creds, trigger].join(" "),
      cause,
    ]),
    EXPECTED.map(([, ...rest]) => rest),
  );

  const counts = lines
    .filter((line) => line.startsWith(`${HISTOGRAM}_count{`))
    .map((line) => /^\w+\{isolation="demo",(.+)\} (\d+)$/.exec(line)!)
    .map(([, labels, count]) => [labels, Number(count)]);
  assert.deepEqual(Object.fromEntries(counts), SERIES);
  assert.equal(counts.length, Object.keys(SERIES).length);

  const sums = lines.filter((line) => line.startsWith(`${HISTOGRAM}_sum{`)).map((line) => Number(line.split("} ")[1]));
  const microseconds = records.reduce((sum, { duration_ms }) => sum + duration_ms! * 1000, 0);
  const difference = sums.reduce((sum, value) => sum + value, 0) - microseconds;
  assert.ok(Math.abs(difference) < records.length, `the sums are microseconds: off by ${difference}`);
});

test("after its report the demo pulls on, and ends with 0 when it is told to", async (t) => {
  const child = startDemo(t);
  const errors = textOf(child.stderr);
  let origin = "";
  for await (const line of createInterface(child.stdout)) {
    origin = /^ +(http:\S+)\/metrics /.exec(line)?.[1] ?? origin;
    if (line.startsWith("Pulling on")) break;
  }
  const exposition = await (await fetch(`${origin}/metrics`)).text();
  assert.match(exposition, /^buildbuddy_remote_execution_image_fetch_duration_usec_count\{isolation="demo",/m);
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  assert.equal(await errors, "");
});
