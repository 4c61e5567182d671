import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { LineWriter } from "../../../src/log/line-writer.ts";

function temporaryFile(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "pullmeter-log-"));
  const path = join(folder, "log");
  const descriptor = openSync(path, "w");
  t.after(() => rmSync(folder, { recursive: true }));
  return { path, descriptor };
}

test("all lines are there, in order, once flush has resolved", async (t) => {
  const { path, descriptor } = temporaryFile(t);
  const writer = new LineWriter(descriptor);
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index} ${"ä".repeat(index % 50)}\n`);
  for (const line of lines) writer.write(line);
  await writer.flush(5000);
  assert.equal(readFileSync(path, "utf8"), lines.join(""));
  closeSync(descriptor);
});

test("flush resolves at once when nothing waits", async (t) => {
  const { descriptor } = temporaryFile(t);
  await new LineWriter(descriptor).flush(5000);
  closeSync(descriptor);
});

test("a descriptor that is closed swallows lines and nothing throws", async (t) => {
  const { descriptor } = temporaryFile(t);
  closeSync(descriptor);
  const writer = new LineWriter(descriptor);
  writer.write("lost\n");
  await writer.flush(5000);
  writer.write("lost too\n");
  await writer.flush(5000);
});

/** Runs a program whose standard error is a pipe that this test reads, or does not. */
function program(t: TestContext, body: string) {
  const url = new URL("../../../src/log/line-writer.ts", import.meta.url).href;
  const source = `import { LineWriter } from ${JSON.stringify(url)}; const writer = new LineWriter(2); ${body}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

test(
  "a reader that does not read costs lines, not time; the drop is told when it reads again",
  { timeout: 20_000 },
  async (t) => {
    const child = program(
      t,
      `const start = performance.now();
     for (let n = 0; n < 20000; n++) writer.write("x".repeat(999) + "\\n");
     await writer.flush(200);
     console.log(performance.now() - start < 5000 ? "not stuck" : "stuck");
     setInterval(() => {}, 1000);`,
    );
    child.stderr.pause();
    const [answer] = await once(child.stdout, "data");
    assert.equal(String(answer), "not stuck\n");
    let seen = "";
    child.stderr.on("data", (chunk) => (seen = (seen + String(chunk)).slice(-5000)));
    child.stderr.resume();
    while (!seen.includes("log lines dropped")) await once(child.stderr, "data");
    assert.match(
      seen,
      /\{"level":"warn","ts":"[^"]+","dropped":1\d{4},"msg":"log lines dropped: the reader is too slow"\}/,
    );
  },
);

test("a reader that goes away does not end the program", { timeout: 20_000 }, async (t) => {
  const child = program(
    t,
    `process.stdin.resume; writer.write("first\\n"); await writer.flush(1000);
     console.log("ready");
     for (let n = 0; n < 50; n++) { writer.write("more\\n"); await writer.flush(1000); await new Promise((r) => setTimeout(r, 2)); }
     console.log("alive");`,
  );
  child.stderr.destroy();
  assert.equal(await text(child.stdout), "ready\nalive\n");
});
