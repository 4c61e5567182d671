import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { registryLabel } from "../../../src/label/registry-label.ts";

const FIXTURE = join(import.meta.dirname, "../../fixtures/registry-labels.tsv");
const SAFE = /^(?:\[UNKNOWN\]|\[IP_ADDRESS\]|[a-z0-9._-]+)$/;

const rows = readFileSync(FIXTURE, "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split("\t") as [string, string]);

test("the fixture has all its rows", () => assert.equal(rows.length, 55));

for (const [host, label] of rows) {
  test(`${JSON.stringify(host)} is labelled ${label}`, () => assert.equal(registryLabel(host), label));
}

const BEYOND: ReadonlyArray<readonly [name: string, host: string, label: string]> = [
  ["a region that is a private suffix", "1.dkr.ecr.us-east-1.amazonaws.com", "ecr.us-east-1.amazonaws.com"],
  ["the exception of a wildcard rule", "www.ck", "www.ck"],
  ["a name under the exception of a wildcard rule", "registry.www.ck", "www.ck"],
  ["an exception below a wildcard of two labels", "registry.city.kobe.jp", "city.kobe.jp"],
  ["a suffix by a wildcard rule", "c.kobe.jp", "[UNKNOWN]"],
  ["the base of a wildcard rule, which the rule does not match", "kobe.jp", "kobe.jp"],
  ["a base of a wildcard below a plain domain", "compute.amazonaws.com", "amazonaws.com"],
  ["an unlisted top level", "registry.corp.lan", "corp.lan"],
  ["a two-label name under an unlisted top level", "docker.internal", "docker.internal"],
  ["local on its own", "local", "[UNKNOWN]"],
  ["upper case, port and trailing dot together", "Registry.Example.COM.:443", "example.com"],
  ["an international name", "registry.bücher.de", "xn--bcher-kva.de"],
  ["an international suffix", "registry.食狮.公司.cn", "xn--85x722f.xn--55qx5d.cn"],
  ["an international suffix in ASCII form", "registry.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"],
  ["an ideographic full stop", "registry。example。com", "example.com"],
  ["an underscore", "my_registry.example.com", "example.com"],
  ["a label that ends with a dash", "bad-.com", "bad-.com"],
  ["such a label where the list has numbers as rules", "bad-.bg", "bad-.bg"],
  ["a label of 64 characters before the domain", `${"a".repeat(64)}.example.com`, "example.com"],
  ["port 65535", "example.com:65535", "example.com"],
  ["port 65536", "example.com:65536", "[UNKNOWN]"],
  ["a signed port", "example.com:+80", "[UNKNOWN]"],
  ["two ports", "example.com:80:80", "[UNKNOWN]"],
  ["an address with a trailing dot", "10.0.0.1.", "[IP_ADDRESS]"],
  ["an address with leading zeros", "010.0.0.1:5000", "[IP_ADDRESS]"],
  ["a short address", "127.1", "[IP_ADDRESS]"],
  ["a hexadecimal address", "0x7f000001", "[IP_ADDRESS]"],
  ["full-width digits", "１２７.0.0.1", "[IP_ADDRESS]"],
  ["numbers that are no address", "1.2.3.4.5", "[UNKNOWN]"],
  ["an octet that is too large", "256.1.1.1", "[UNKNOWN]"],
  ["bare IPv6", "2001:db8::1", "[IP_ADDRESS]"],
  ["IPv6 with a zone", "[fe80::1%eth0]:5000", "[IP_ADDRESS]"],
  ["bare IPv6 with a zone", "fe80::1%eth0", "[IP_ADDRESS]"],
  ["IPv4 mapped into IPv6", "[::ffff:10.0.0.1]:5000", "[IP_ADDRESS]"],
  ["IPv6 with a port too large", "[::1]:70000", "[UNKNOWN]"],
  ["a name in brackets", "[example.com]", "[UNKNOWN]"],
  ["IPv4 in brackets", "[10.0.0.1]", "[UNKNOWN]"],
  ["an open bracket", "[::1", "[UNKNOWN]"],
  ["only a dot", ".", "[UNKNOWN]"],
  ["two trailing dots", "example.com..", "[UNKNOWN]"],
  ["only a port", ":5000", "[UNKNOWN]"],
  ["a URL", "https://ghcr.io", "[UNKNOWN]"],
  ["a path", "ghcr.io/org/app", "[UNKNOWN]"],
  ["user and password", "user:hunter2@registry.example.com", "[UNKNOWN]"],
  ["a percent-encoded name", "%67hcr.io", "[UNKNOWN]"],
  ["a line break", "ghcr.io\nevil.example.com", "[UNKNOWN]"],
  ["surrounding space", " ghcr.io ", "[UNKNOWN]"],
  ["a lone surrogate", "\ud800.example.com", "[UNKNOWN]"],
  ["a name of more than 253 characters", `${"a.".repeat(124)}example.com`, "[UNKNOWN]"],
];

for (const [name, host, label] of BEYOND) {
  test(`${name} is labelled ${label}`, () => assert.equal(registryLabel(host), label));
}

const labelText = fc.oneof(
  fc.stringMatching(/^[a-z0-9_-]{1,12}$/),
  fc.constantFrom(
    "com",
    "co",
    "uk",
    "jp",
    "kobe",
    "city",
    "ck",
    "www",
    "local",
    "internal",
    "github",
    "io",
    "0",
    "xn--55qx5d",
  ),
  fc.constantFrom("amazonaws", "compute", "us-east-1", "公司", "bücher", "", "LOCAL", "Example"),
);
const nameText = fc.array(labelText, { minLength: 1, maxLength: 6 }).map((labels) => labels.join("."));
const hostText = fc.oneof(
  nameText,
  fc.tuple(nameText, fc.nat(70_000)).map(([name, port]) => `${name}:${port}`),
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]:5000`),
  fc.string({ unit: "binary", maxLength: 40 }),
);

test("any text gets a label of the safe alphabet, and the same one when asked again", () => {
  fc.assert(
    fc.property(hostText, (host) => {
      const label = registryLabel(host);
      assert.match(label, SAFE);
      assert.equal(registryLabel(host), label);
    }),
    { numRuns: 5000 },
  );
});

test("a domain is its own label", () => {
  fc.assert(
    fc.property(hostText, (host) => {
      const label = registryLabel(host);
      fc.pre(!label.startsWith("["));
      assert.equal(registryLabel(label), label);
    }),
    { numRuns: 5000 },
  );
});

test("case, a port, a trailing dot and further labels in front do not change the label of a domain", () => {
  fc.assert(
    fc.property(nameText, (name) => {
      const label = registryLabel(name);
      // A wildcard rule may begin further in front: `*.compute.amazonaws.com`.
      fc.pre(!label.startsWith("[") && !name.endsWith("."));
      fc.pre(registryLabel(`front.${label}`) === label && registryLabel(`front.${name}`) === label);
      assert.equal(registryLabel(name.toUpperCase()), label);
      assert.equal(registryLabel(`${name}:5000`), label);
      assert.equal(registryLabel(`${name}.`), label);
      assert.equal(registryLabel(`far.front.${name}`), label);
    }),
    { numRuns: 2000 },
  );
});

test("every address is labelled as one", () => {
  fc.assert(fc.property(fc.ipV4(), (address) => registryLabel(`${address}:5000`) === "[IP_ADDRESS]"));
  fc.assert(fc.property(fc.ipV6(), (address) => registryLabel(`[${address}]`) === "[IP_ADDRESS]"));
});

test("more hosts than the cache holds are still labelled right", () => {
  for (let index = 0; index < 3000; index++) {
    assert.equal(registryLabel(`host-${index}.example-${index}.com`), `example-${index}.com`);
  }
  assert.equal(registryLabel("ghcr.io"), "ghcr.io");
});
