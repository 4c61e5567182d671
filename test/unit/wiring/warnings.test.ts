import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { findWarnings } from "../../../src/wiring/warnings.ts";

function warningsOf(flags: Readonly<Record<string, readonly string[]>>) {
  return findWarnings(loadConfig({ flags: new Map(Object.entries(flags)), environment: {} }).config);
}

test("a configuration of defaults is warned of nothing", () => {
  assert.deepEqual(warningsOf({}), []);
});

test("addresses that other machines can reach are told, the admin listener's among them", () => {
  const [warning, ...others] = warningsOf({
    "--listener": [":5000", "127.0.0.1:5001"],
    "--admin-address": ["[::]:9090"],
  });
  assert.deepEqual(others, []);
  assert.match(warning?.message ?? "", /^other machines can connect/);
  assert.deepEqual(warning?.about, { addresses: [":5000", "[::]:9090"] });
});

test("a registry at an address that is not public is told, unless it may be private", () => {
  const [warning, ...others] = warningsOf({
    "--registry": [
      "10.0.0.7:5000",
      "localhost:5000",
      "[::1]:5000",
      "192.168.0.1=http://192.168.0.1:5000",
      "registry.internal:5000",
      "8.8.8.8",
    ],
    "--listener": ["127.0.0.1:5001=172.16.0.1:5000"],
  });
  assert.deepEqual(others, []);
  assert.match(
    warning?.message ?? "",
    /^every request is refused: not a public address; expected allowPrivateAddresses/,
  );
  assert.deepEqual(warning?.about, {
    registries: ["10.0.0.7:5000", "localhost:5000", "[::1]:5000", "172.16.0.1:5000"],
  });
});
