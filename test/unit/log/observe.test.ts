import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createLogger, type LogLevel } from "../../../src/log/logger.ts";
import { logPulls } from "../../../src/log/observe.ts";
import { toPullRecord } from "../../../src/log/pull-record.ts";
import { PHASES } from "../../../src/metrics/label-values.ts";
import { finishedBlob, finishedPull, START_MS } from "../../support/finished-pull.ts";

function harness(level: LogLevel = "info") {
  const lines: string[] = [];
  const logger = createLogger({ level, destination: { write: (line) => lines.push(line) } });
  return { logger, observe: logPulls(logger), lines };
}

test("a finished pull is one line of JSON that tells everything", () => {
  const { observe, lines } = harness();
  observe({
    type: "pull-finished",
    pull: finishedPull({
      lastCloseMs: START_MS + 4000,
      attempts: 2,
      traceId: "f".repeat(32),
      auth: "bearer_anonymous",
      bytesOnDisk: 2_000_000,
      rateLimit: { limit: 100, remaining: 76, windowSeconds: 21_600, source: "0a1b2c3d" },
    }),
  });
  assert.equal(lines.length, 1);
  assert.ok(lines[0]?.endsWith("}\n"));
  const { ts, ...record } = JSON.parse(lines[0] ?? "");
  assert.match(ts, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(record, {
    level: "info",
    msg: "pull finished",
    schema: "pullmeter.pull/v1",
    id: "0001",
    isolation: "containerd",
    registry: "ghcr.io",
    status: "ok",
    on_disk: false,
    has_creds: false,
    trigger: "execution",
    cause: "none",
    attempts: 2,
    joined: false,
    opaque_token: false,
    end_rule: "settled",
    registry_host: "ghcr.io",
    repository: "org/app",
    reference: "v1",
    root_digest: `sha256:${"a".repeat(64)}`,
    listener: "shared",
    client_address: "127.0.0.1",
    client_family: "containerd",
    user_agent: "containerd/2.1.9",
    trace_id: "f".repeat(32),
    start: "2026-01-01T00:00:00.000Z",
    transfer_end: "2026-01-01T00:00:01.500Z",
    last_connection_close: "2026-01-01T00:00:04.000Z",
    decided: "2026-01-01T00:00:03.500Z",
    duration_ms: 1500,
    bytes: 1_048_576,
    requests: 3,
    layers_requested: 1,
    phases_ms: { resolve: 100, layers: 1400, first_byte: 50 },
    layers_on_disk: 2,
    auth: "bearer_anonymous",
    bytes_on_disk: 2_000_000,
    slowest_layer: {
      digest: `sha256:${"a".repeat(64)}`,
      size: 1_000_000,
      duration_ms: 1400,
      bytes_per_second: 740_741,
      serving_host: "cdn.example.com",
    },
    rate_limit: { limit: 100, remaining: 76, window_seconds: 21_600, source: "0a1b2c3d" },
    blobs: [
      {
        role: "layer",
        digest: `sha256:${"a".repeat(64)}`,
        size: 1_000_000,
        bytes: 1_000_000,
        done: true,
        requests: 1,
        last_status: 200,
        start_ms: 100,
        first_byte_ms: 50,
        duration_ms: 1400,
        serving_host: "cdn.example.com",
      },
    ],
  });
});

test("what a request did not name is left out", () => {
  const { observe, lines } = harness();
  observe({ type: "pull-finished", pull: finishedPull({ registry: "", cause: "refused", status: "user_error" }) });
  const record = JSON.parse(lines[0] ?? "");
  assert.equal("registry_host" in record, false);
  assert.equal(record.registry, "[UNKNOWN]");
});

test("docs/pull-log.md describes every field", () => {
  const docs = readFileSync(join(import.meta.dirname, "../../../docs/pull-log.md"), "utf8");
  const phases = Object.fromEntries(PHASES.map((phase) => [phase, 1]));
  const record = toPullRecord(finishedPull({ rateLimit: { limit: 1 }, phases }));
  const parts = [record, record.blobs[0], record.slowest_layer, record.rate_limit, record.phases_ms];
  const names = parts.flatMap((part) => Object.keys(part ?? {}));
  assert.ok(names.includes("window_seconds") && names.includes("bytes_per_second"));
  assert.deepEqual(
    names.filter((name) => !new RegExp(`^\\|(?: \`\\w+\`,)* \`${name}\`(?:, \`\\w+\`)* \\|`, "m").test(docs)),
    [],
  );
});

test("what is unknown is left out, and fractions of a millisecond stay", () => {
  const { observe, lines } = harness();
  const blob = finishedBlob({ endMs: START_MS + 100.25 });
  const { firstByteMs: _firstByte, servingHost: _host, ...unserved } = blob;
  observe({ type: "pull-finished", pull: finishedPull({ endMs: START_MS + 0.1234, blobs: [unserved] }) });
  const record = JSON.parse(lines[0] ?? "");
  assert.equal(record.duration_ms, 0.123);
  assert.equal(record.blobs[0].duration_ms, 0.25);
  for (const name of ["last_connection_close", "trace_id", "on_disk_kind"]) assert.ok(!(name in record), name);
  for (const name of ["first_byte_ms", "serving_host"]) assert.ok(!(name in record.blobs[0]), name);
});

test("the slowest layer has no speed if it took several requests, and there is none without a layer", () => {
  const layers = [finishedBlob(), finishedBlob({ endMs: START_MS + 9000, requests: 2 })];
  const slowest = toPullRecord(finishedPull({ blobs: layers })).slowest_layer;
  assert.deepEqual([slowest?.duration_ms, slowest?.bytes_per_second], [8900, undefined]);
  const config = finishedBlob({ role: "config" });
  assert.equal(toPullRecord(finishedPull({ blobs: [config] })).slowest_layer, undefined);
});

test("a manifest that was asked for by tag has the root's digest, and none if nothing came", () => {
  const blobs = [finishedBlob({ role: "manifest", digest: "v1" })];
  const { rootDigest, ...unresolved } = finishedPull({ blobs });
  assert.equal(toPullRecord(finishedPull({ blobs })).blobs[0]?.digest, rootDigest);
  assert.equal(toPullRecord(unresolved).blobs[0]?.digest, undefined);
});

test("times that are none do not stop the line", () => {
  const { observe, lines } = harness();
  observe({ type: "pull-finished", pull: finishedPull({ startMs: Number.NaN, endMs: Number.POSITIVE_INFINITY }) });
  assert.equal(lines.length, 1);
});

test("no other event makes a line at level info", () => {
  const { observe, lines } = harness();
  observe({ type: "pull-started", id: "1", registry: "ghcr.io" });
  observe({ type: "unassigned", reason: "no_pull", registry: "ghcr.io" });
  observe({ type: "bound-hit", bound: "pulls" });
  assert.deepEqual(lines, []);
});

test("a line below the level is not written", () => {
  const { logger, lines } = harness("warn");
  logger.debug("a");
  logger.info("b");
  logger.warn("c", { n: 1 });
  logger.error("d");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)).map(({ level, msg, n }) => [level, msg, n]),
    [
      ["warn", "c", 1],
      ["error", "d", undefined],
    ],
  );
});

test("secrets in messages, fields and errors are redacted", () => {
  const { logger, lines } = harness();
  logger.error("asked https://a:hunter2@x.com/", { url: "/?sig=hunter2", error: new Error("Bearer hunter2") });
  assert.ok(!lines[0]?.includes("hunter2"), lines[0]);
});

test("flush waits for the destination, and is nothing where that needs none", async () => {
  let flushed = 0;
  const flush = async () => void flushed++;
  await createLogger({ destination: { write: () => {}, flush } }).flush();
  assert.equal(flushed, 1);
  await createLogger({ destination: { write: () => {} } }).flush();
});
