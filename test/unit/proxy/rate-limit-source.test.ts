import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { fingerprintSource } from "../../../src/proxy/rate-limit-source.ts";

test("a fingerprint is short, the same for the same source, and another for another one", () => {
  assert.match(fingerprintSource("192.0.2.1"), /^[0-9a-f]{8}$/);
  assert.equal(fingerprintSource("192.0.2.1"), fingerprintSource("192.0.2.1"));
  assert.notEqual(fingerprintSource("192.0.2.1"), fingerprintSource("192.0.2.2"));
});

test("another process has other fingerprints", () => {
  const module = fileURLToPath(new URL("../../../src/proxy/rate-limit-source.ts", import.meta.url));
  const program = `import { fingerprintSource } from ${JSON.stringify(module)}; console.log(fingerprintSource("192.0.2.1"));`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
  assert.match(stdout, /^[0-9a-f]{8}\n$/);
  assert.notEqual(stdout.trim(), fingerprintSource("192.0.2.1"));
});
