import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { createDemoConfig } from "../../../src/cli/demo-config.ts";

const UPSTREAMS = { open: "http://127.0.0.1:1", guarded: "http://127.0.0.1:2" };

test("the demo listens where its origins say, before its own registries and no others", async () => {
  const { config, origins } = await createDemoConfig(UPSTREAMS);
  assert.deepEqual(
    config.listeners.map(({ name, registry, trigger, address }) => [
      name,
      registry,
      trigger === "warmup",
      address.port,
    ]),
    [
      ["open", "registry.open.test", false, portOf(origins.open)],
      ["warmup", "registry.open.test", true, portOf(origins.warmup)],
      ["guarded", "registry.token.test", false, portOf(origins.guarded)],
    ],
  );
  assert.equal(config.admin.address.port, portOf(origins.admin));
  assert.equal(config.registries.get("registry.open.test")?.upstream?.origin, UPSTREAMS.open);
  assert.equal(config.registries.get("registry.token.test")?.upstream?.origin, UPSTREAMS.guarded);
  assert.equal(config.wellKnownRegistries, false);
  assert.equal(new Set(Object.values(origins)).size, 4);
});

test("a port that is taken is left alone", async (t) => {
  const { origins: before } = await createDemoConfig(UPSTREAMS);
  const holder = createServer().listen(portOf(before.open), "127.0.0.1");
  await once(holder, "listening");
  t.after(() => holder.close());
  const { origins: after } = await createDemoConfig(UPSTREAMS);
  assert.notEqual(after.open, before.open);
});

function portOf(origin: string): number {
  return Number(new URL(origin).port);
}
