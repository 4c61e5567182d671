import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRegistryHost } from "../../../src/oci/registry-host.ts";

const accepted: readonly [text: string, host: string][] = [
  ["ghcr.io", "ghcr.io"],
  ["GHCR.io", "ghcr.io"],
  ["ghcr.io.", "ghcr.io"],
  ["registry.example.com.:5000", "registry.example.com:5000"],
  ["localhost:5000", "localhost:5000"],
  ["10.0.0.1:5000", "10.0.0.1:5000"],
  ["[::1]:5000", "[::1]:5000"],
  ["[2001:DB8::1]", "[2001:db8::1]"],
  ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"],
];

for (const [text, host] of accepted) {
  test(`${text} names the registry ${host}`, () => assert.equal(parseRegistryHost(text), host));
}

const refused = [
  "",
  ".",
  "..",
  "ghcr..io",
  ".ghcr.io",
  "ghcr.io..",
  "-ghcr.io",
  "ghcr-.io",
  "a_b.io",
  "ghcr.io/x",
  "ghcr.io?x",
  "user@ghcr.io",
  "user:secret@ghcr.io",
  "http://ghcr.io",
  "ghcr.io:",
  "ghcr.io:0",
  "ghcr.io:65536",
  "ghcr.io:5x",
  "ghcr.io:5000:5000",
  "::1",
  "[::1",
  "[::1]x",
  "[::1]]",
  "ghcr.io\r\n",
  "ghcr.io\0",
  " ghcr.io",
  "gh cr.io",
  "%67hcr.io",
  "ghcr。io",
  "ɡhcr.io",
  "doc\u212Aer.io",
  "*.io",
  "a".repeat(256),
];

for (const text of refused) {
  test(`${JSON.stringify(text.slice(0, 20))} names no registry`, () =>
    assert.equal(parseRegistryHost(text), undefined));
}
