import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readHeadersFile } from "../../../src/config/headers-file.ts";

const folder = mkdtempSync(join(tmpdir(), "pullmeter-headers-"));
test.after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "headers");

test("headers are read line by line, beside the configuration file", () => {
  writeFileSync(file, "# a comment\nX-Api-Key:  a b=c: d \r\n\nauthorization: Bearer x\n");
  const headers = ["X-Api-Key", "a b=c: d", "authorization", "Bearer x"];
  assert.deepEqual(readHeadersFile("headers", join(folder, "pullmeter.yaml")), { headers });
});

for (const text of ["canary", "a b: canary", "x: can\u0000ary", ": canary", "x: canäry", "x:"]) {
  test(`a file with ${JSON.stringify(text)} is refused, and what is in it is not shown`, () => {
    writeFileSync(file, `x: y\n${text}\n`);
    const read = readHeadersFile(file, undefined);
    assert.ok("mistake" in read && read.mistake.startsWith("header 2") && !read.mistake.includes("canary"));
  });
}

test("a file that is not there is a mistake", () => {
  const read = readHeadersFile(join(folder, "none"), undefined);
  assert.ok("mistake" in read && read.mistake.includes("ENOENT"));
});
