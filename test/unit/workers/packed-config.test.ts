import assert from "node:assert/strict";
import { test } from "node:test";
import { deserialize, serialize } from "node:v8";
import { Credentials } from "../../../src/access/credentials.ts";
import { hashPassword, parsePasswordHash } from "../../../src/access/password-hash.ts";
import { createFindRegistry } from "../../../src/config/find-registry.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { packConfig, packProtection, unpackConfig, unpackProtection } from "../../../src/workers/packed-config.ts";
import { toProxyRules } from "../../../src/wiring/settings.ts";

/** As it comes out of a pipe to another process. */
function crossed<Value>(value: Value): Value {
  return deserialize(serialize(value)) as Value;
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

test("a worker finds the registries, listeners and settings that the primary would, proxies of the environment included", () => {
  const flags = new Map([
    ["--workers", ["2"]],
    ["--listener", ["127.0.0.1:0=quay.io", "127.0.0.1:0"]],
    ["--registry", ["registry.test:5000=http://10.0.0.7:5000"]],
    ["--allow-registries", ["*.example.com"]],
  ]);
  const { config } = loadConfig({ flags, environment: { HTTPS_PROXY: "http://proxy.test:3128" } });
  const unpacked = unpackConfig(crossed(packConfig(config)), config.environmentProxy);
  const [here, there] = [config, unpacked].map((each) => createFindRegistry(each));
  for (const registry of ["quay.io", "docker.io", "registry.test:5000", "one.example.com", "unknown.test"])
    assert.deepEqual(there?.(registry), here?.(registry), registry);
  assert.ok(here?.("quay.io")?.proxy instanceof URL);
  const { findUpstream: _here, ...rules } = toProxyRules(config);
  const { findUpstream: _there, ...same } = toProxyRules(unpacked);
  assert.deepEqual(same, rules);
});

test("passwords and tokens are recognized in a worker, and cannot be read from what crosses", async () => {
  const password = parsePasswordHash(await hashPassword("canary-password"));
  assert.ok(password);
  const credentials = new Credentials([{ name: "alice", password }], ["canary-token"]);
  const tls = { cert: "CERT", key: "KEY" };
  const bytes = serialize(packProtection({ credentials, tls }));
  assert.ok(!bytes.includes("canary"));
  const unpacked = unpackProtection(deserialize(bytes) as ReturnType<typeof packProtection>);
  assert.deepEqual(unpacked.tls, tls);
  assert.equal(await unpacked.credentials?.recognize(basic("alice:canary-password")), "known");
  assert.equal(await unpacked.credentials?.recognize(basic("alice:other")), "unknown");
  assert.equal(await unpacked.credentials?.recognize("Bearer canary-token"), "known");
  assert.equal(await unpacked.credentials?.recognize("Bearer other"), "unknown");
  assert.deepEqual(unpacked.credentials?.challenges, credentials.challenges);
});
