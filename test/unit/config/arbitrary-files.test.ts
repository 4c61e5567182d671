import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  array,
  assert as holds,
  dictionary,
  integer,
  jsonValue,
  oneof,
  property,
  string,
  constantFrom,
} from "fast-check";
import { loadConfig } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/config/problem.ts";
import { listSettings } from "../../../src/config/setting.ts";

function makeFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "pullmeter-config-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "pullmeter.yaml");
}

/** A configuration, or a ConfigError whose every line begins with a place; anything else fails the test. */
function assertDecided(load: () => unknown, places: RegExp): void {
  try {
    load();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.ok(error.problems.length > 0);
    for (const line of error.problems) assert.match(line, places);
  }
}

test("any text in the file is a configuration or a list of problems with lines", (t) => {
  const file = makeFile(t);
  const full = readFileSync(join(import.meta.dirname, "../../fixtures/config/valid-full.yaml"), "utf8");
  const damaged = property(
    integer({ min: 0, max: full.length }),
    integer({ min: 0, max: 20 }),
    string(),
    (at, length, text) => {
      writeFileSync(file, full.slice(0, at) + text + full.slice(at + length));
      assertDecided(() => loadConfig({ file, flags: new Map(), environment: {} }), /pullmeter\.yaml:\d+: /);
    },
  );
  holds(damaged, { numRuns: 100 });
});

test("any value at any key is a configuration or a list of problems with lines", (t) => {
  const file = makeFile(t);
  const keys = [
    ...new Set(listSettings().flatMap((setting) => setting.path)),
    "address",
    "registry",
    "upstream",
    "__proto__",
  ];
  const value = oneof(jsonValue(), array(dictionary(constantFrom(...keys), jsonValue())));
  const nested = dictionary(constantFrom(...keys), oneof(value, dictionary(constantFrom(...keys), value)));
  const anyValue = property(nested, (content) => {
    writeFileSync(file, JSON.stringify(content));
    assertDecided(() => loadConfig({ file, flags: new Map(), environment: {} }), /pullmeter\.yaml:1: /);
  });
  holds(anyValue, { numRuns: 100 });
});

test("any text of any flag and variable is a configuration or a list of problems that name it", () => {
  const settings = listSettings();
  const anySetting = constantFrom(...settings);
  const anyText = property(anySetting, string(), anySetting, string(), (a, flagText, b, variableText) => {
    assertDecided(
      () => loadConfig({ flags: new Map([[a.flag, [flagText]]]), environment: { [b.variable]: variableText } }),
      /^(?:--[a-z-]+|PULLMETER_[A-Z_]+): /,
    );
  });
  holds(anyText, { numRuns: 100 });
});
