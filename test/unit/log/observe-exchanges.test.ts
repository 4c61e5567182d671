import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger } from "../../../src/log/logger.ts";
import { logExchanges } from "../../../src/log/observe-exchanges.ts";
import type { UpstreamExchanged } from "../../../src/pull/transfer-event.ts";
import { START_MS } from "../../support/finished-pull.ts";

const FAILED: UpstreamExchanged = {
  type: "upstream-exchanged",
  atMs: START_MS,
  transfer: 1,
  registry: "registry.example.com",
  host: "cdn.example.net:8443",
  outcome: "connect",
  detail: "cdn.example.net:8443: the connection failed (ECONNREFUSED)",
  headMs: 3,
};

function harness() {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({ destination: { write: (line) => lines.push(JSON.parse(line)) } });
  return { observe: logExchanges(logger), lines };
}

test("a request that got no response is one warning that says why", () => {
  const { observe, lines } = harness();
  observe(FAILED);
  const [{ ts, ...line } = {}] = lines;
  assert.equal(typeof ts, "string");
  assert.deepEqual(line, {
    level: "warn",
    registry_host: "registry.example.com",
    host: "cdn.example.net:8443",
    cause: "connect",
    detail: "cdn.example.net:8443: the connection failed (ECONNREFUSED)",
    msg: "request to a registry failed",
  });
  assert.equal(lines.length, 1);
});

test("a status is an answer, and a client that went away is no failure of the registry's", () => {
  const { observe, lines } = harness();
  for (const outcome of [200, 404, 503, "client_aborted"] as const) observe({ ...FAILED, outcome });
  assert.deepEqual(lines, []);
});

test("an outage logs ten lines per second, and tells how many more there were", () => {
  const { observe, lines } = harness();
  for (let index = 0; index < 500; index++) observe({ ...FAILED, atMs: START_MS + index });
  assert.equal(lines.length, 10);
  observe({ type: "connection-closed", atMs: START_MS + 999, connection: 1 });
  assert.equal(lines.length, 10);
  observe({ type: "connection-closed", atMs: START_MS + 1000, connection: 1 });
  assert.deepEqual(
    lines.slice(10).map(({ level, msg, suppressed }) => ({ level, msg, suppressed })),
    [{ level: "warn", msg: "more requests to registries failed than were logged", suppressed: 490 }],
  );
  observe({ ...FAILED, atMs: START_MS + 1001 });
  observe({ ...FAILED, atMs: START_MS + 5000 });
  assert.equal(lines.length, 13);
});

test("no secret gets into the line", () => {
  const { observe, lines } = harness();
  const canary = "c4n4ry";
  const host = `robot:${canary}@registry.example.com`;
  observe({ ...FAILED, registry: host, host, detail: `https://${host}/x?X-Amz-Signature=${canary}: failed` });
  assert.equal(lines.length, 1);
  assert.equal(JSON.stringify(lines).includes(canary), false);
  assert.ok(JSON.stringify(lines).includes("registry.example.com"));
});
