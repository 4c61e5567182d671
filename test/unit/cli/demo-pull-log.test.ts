import assert from "node:assert/strict";
import { test } from "node:test";
import { PullLog } from "../../../src/cli/demo-pull-log.ts";

function line(family: string, id: string): string {
  return `${JSON.stringify({ schema: "pullmeter.pull/v1", id, client_family: family, duration_ms: 1 })}\n`;
}

test("the demo's pulls are told in order, whether they came before the question or after", async () => {
  const log = new PullLog();
  const never = new AbortController().signal;
  log.write(line("demo", "1"));
  assert.equal((await log.next(never))?.id, "1");
  const second = log.next(never);
  log.write(line("demo", "2"));
  log.write(line("demo", "3"));
  assert.equal((await second)?.id, "2");
  assert.equal((await log.next(never))?.id, "3");
  assert.equal(log.lines.length, 3);
});

test("pulls of other clients and other lines are no pulls of the demo", () => {
  const log = new PullLog();
  const foreign: string[] = [];
  log.onForeignPull = ({ id }) => foreign.push(id);
  log.write('{"level":"info","msg":"serving"}\n');
  log.write(line("podman", "1"));
  assert.deepEqual(foreign, ["1"]);
  assert.deepEqual(log.lines, []);
});

test("a question without an answer ends with its signal, and takes nothing from the next", async () => {
  const log = new PullLog();
  const stop = new AbortController();
  const first = log.next(stop.signal);
  stop.abort();
  assert.equal(await first, undefined);
  assert.equal(await log.next(stop.signal), undefined);
  log.write(line("demo", "1"));
  assert.equal((await log.next(new AbortController().signal))?.id, "1");
});
