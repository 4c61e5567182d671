import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRegistryPattern } from "../../../src/config/registry-pattern.ts";
import { findWellKnown, WELL_KNOWN_REGISTRIES } from "../../../src/config/well-known.ts";

const matches: readonly [pattern: string, registry: string, expected: boolean][] = [
  ["*", "anything.example.com:5000", true],
  ["*.example.com", "a.example.com", true],
  ["*.example.com", "example.com", false],
  ["*.example.com", "a.b.example.com", false],
  ["*.example.com", "a.example.com:5000", false],
  ["*.example.com", "a.example.com.evil.net", false],
  ["*.example.com", "aexample.com", false],
  ["*.example.com:5000", "a.example.com:5000", true],
  ["*.example.com:*", "a.example.com:5000", true],
  ["*.example.com:*", "a.example.com", true],
  ["*.*.example.com", "a.b.example.com", true],
  ["reg.*.example.com", "reg.eu.example.com", true],
  ["example.com", "example.com", true],
  ["localhost:5000", "localhost:5000", true],
  ["localhost:5000", "localhost:5001", false],
];

for (const [pattern, registry, expected] of matches) {
  test(`${pattern} ${expected ? "stands" : "does not stand"} for ${registry}`, () => {
    assert.equal(parseRegistryPattern(pattern)?.(registry), expected);
  });
}

for (const text of [
  "",
  "**",
  "a*.example.com",
  "*a.example.com",
  "*.Example.com",
  "https://*",
  "*.example.com/",
  "*.",
  "*:x",
  "*..com",
]) {
  test(`${JSON.stringify(text)} is no pattern`, () => assert.equal(parseRegistryPattern(text), undefined));
}

test("every built-in pattern can be read, is there once, and says who runs the registry", () => {
  for (const { pattern, operator } of WELL_KNOWN_REGISTRIES) {
    assert.ok(parseRegistryPattern(pattern) !== undefined, pattern);
    assert.notEqual(operator, "");
  }
  assert.equal(new Set(WELL_KNOWN_REGISTRIES.map((entry) => entry.pattern)).size, WELL_KNOWN_REGISTRIES.length);
});

test("cloud registries are known by their pattern, and only they", () => {
  assert.equal(known("europe-west1-docker.pkg.dev"), "*.pkg.dev");
  assert.equal(known("123456789012.dkr.ecr.eu-west-1.amazonaws.com"), "*.dkr.ecr.*.amazonaws.com");
  assert.equal(known("ghcr.io"), "ghcr.io");
  for (const registry of [
    "pkg.dev",
    "a.b.pkg.dev",
    "ghcr.io:443",
    "evil-ghcr.io",
    "ghcr.io.evil.net",
    "s3.amazonaws.com",
    "*.pkg.dev:80",
  ]) {
    assert.equal(known(registry), undefined, registry);
  }
});

function known(registry: string): string | undefined {
  return findWellKnown(registry)?.pattern;
}
