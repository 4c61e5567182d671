import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../support/run-command.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/config");

const endings: readonly { readonly name: string; readonly args: readonly string[]; readonly code: number }[] = [
  { name: "help that was asked for", args: ["--help"], code: 0 },
  { name: "a configuration that can be used", args: ["check-config", join(FIXTURES, "valid-full.yaml")], code: 0 },
  { name: "no command at all", args: [], code: 2 },
  { name: "an unknown command", args: ["sevre"], code: 2 },
  { name: "an unknown flag", args: ["serve", "--lisener", ":5000"], code: 2 },
  { name: "a configuration that cannot be used", args: ["check-config", join(FIXTURES, "invalid-root.yaml")], code: 2 },
  { name: "a file that is not there", args: ["check-config", "/nowhere/pullmeter.yaml"], code: 2 },
];

for (const { name, args, code } of endings) {
  test(`${name} ends with ${code}, and says so on ${code === 0 ? "standard output" : "standard error"} alone`, async () => {
    const result = await runCommand(args);
    assert.equal(result.code, code, result.stderr);
    assert.notEqual(code === 0 ? result.stdout : result.stderr, "");
    assert.equal(code === 0 ? result.stderr : result.stdout, "");
  });
}

test("the environment of the process is part of the configuration", async () => {
  const { code, stderr } = await runCommand(["check-config"], { PULLMETER_LOG_LEVEL: "loud" });
  assert.equal(code, 2);
  assert.match(stderr, /^PULLMETER_LOG_LEVEL: log\.level: not one of its values/);
});
