import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "../../../src/metrics/create-metrics.ts";
import { exposeMetrics } from "../../../src/metrics/exposition.ts";
import { observePulls } from "../../../src/metrics/observe-pulls.ts";
import { observeTransfers } from "../../../src/metrics/observe-transfers.ts";
import type { FinishedPull } from "../../../src/pull/pull-event.ts";
import type { CredentialEvidence } from "../../../src/pull/credentials.ts";
import type { ResponseStarted, TransferStarted } from "../../../src/pull/transfer-event.ts";
import { expositionText } from "../../support/exposition-text.ts";
import { finishedBlob, finishedPull, START_MS } from "../../support/finished-pull.ts";

// The metrics that explain pulls: bytes and speed, who served, whose credentials, limits, and how far to trust it all.

function harness() {
  const metrics = createMetrics({ version: "1.2.3", processMetrics: false });
  const expose = exposeMetrics(metrics);
  const pulls = observePulls(metrics);
  const series = async (name: string) =>
    (await expositionText(expose)).split("\n").filter((line) => line.startsWith(`pullmeter_${name}`));
  return {
    finish: (pull: Partial<FinishedPull>) => pulls({ type: "pull-finished", pull: finishedPull(pull) }),
    transfers: observeTransfers(metrics),
    series,
  };
}

test("bytes: what pulls were given, and what those that succeeded had on disk", async () => {
  const { finish, series } = harness();
  finish({ bytes: 700, bytesOnDisk: 30 });
  finish({ bytes: 7, bytesOnDisk: 3 });
  finish({ bytes: 1, bytesOnDisk: 1000, status: "error", cause: "tls" });
  finish({ bytes: 0, bytesOnDisk: 1000, joined: true });
  assert.deepEqual(await series("pull_transferred"), [
    'pullmeter_pull_transferred_bytes_total{registry="ghcr.io"} 708',
  ]);
  assert.deepEqual(await series("pull_skipped"), ['pullmeter_pull_skipped_bytes_total{registry="ghcr.io"} 33']);
});

test("speed: layers of 1 MB and more by registry and by who served them, configs by their first byte only", async () => {
  const { finish, series } = harness();
  const layer = finishedBlob({
    deliveredBytes: 3_000_000,
    startMs: START_MS,
    firstByteMs: START_MS + 200,
    endMs: START_MS + 1200,
    servingHost: "production.cloudflare.docker.com:443",
  });
  finish({
    registry: "quay.io",
    blobs: [
      layer,
      { ...layer, role: "config", servingHost: "quay.io" },
      { ...layer, role: "manifest", servingHost: "other.example" },
      { ...layer, requests: 2, servingHost: "other.example" },
      { ...layer, deliveredBytes: 10 },
    ],
  });
  assert.deepEqual(
    (await series("layer_throughput")).filter((line) => !/le="(?!2.5e\+06|5e\+06)/.test(line)),
    [
      'pullmeter_layer_throughput_bytes_per_second_bucket{registry="quay.io",le="2.5e+06"} 0',
      'pullmeter_layer_throughput_bytes_per_second_bucket{registry="quay.io",le="5e+06"} 1',
      'pullmeter_layer_throughput_bytes_per_second_sum{registry="quay.io"} 3e+06',
      'pullmeter_layer_throughput_bytes_per_second_count{registry="quay.io"} 1',
    ],
  );
  assert.deepEqual(await series("serving_throughput_bytes_per_second_sum"), [
    'pullmeter_serving_throughput_bytes_per_second_sum{serving_domain="docker.com"} 3e+06',
  ]);
  assert.deepEqual(await series("serving_first_byte_seconds_sum"), [
    'pullmeter_serving_first_byte_seconds_sum{serving_domain="docker.com"} 0.4',
    'pullmeter_serving_first_byte_seconds_sum{serving_domain="quay.io"} 0.2',
  ]);
});

test("phases are told by registry, of 20 registries", async () => {
  const { finish, series } = harness();
  finish({ phases: { resolve: 250, layers: 4000, first_byte: 40 } });
  finish({ phases: { layers: 1000 } });
  assert.deepEqual(await series("pull_phase_seconds_sum"), [
    'pullmeter_pull_phase_seconds_sum{registry="ghcr.io",phase="resolve"} 0.25',
    'pullmeter_pull_phase_seconds_sum{registry="ghcr.io",phase="layers"} 5',
    'pullmeter_pull_phase_seconds_sum{registry="ghcr.io",phase="first_byte"} 0.04',
  ]);
  for (let index = 0; index < 30; index++) finish({ registry: `r${index}.example${index}.com`, phases: { auth: 1 } });
  // ghcr.io was the first; two places are those of [UNKNOWN] and [IP_ADDRESS].
  assert.equal((await series("pull_phase_seconds_count")).filter((line) => line.includes('"auth"')).length, 17 + 1);
  assert.match((await series("pull_phase_seconds_count")).join("\n"), /registry="\[OTHER\]",phase="auth"\} 13$/m);
});

test("authentication is counted once per pull, by kind", async () => {
  const { finish, series } = harness();
  for (const auth of ["none", "basic", "bearer_anonymous", "bearer", "opaque", "bearer"] as const) finish({ auth });
  assert.deepEqual(
    await series("auth_total"),
    [
      ["none", 1],
      ["basic", 1],
      ["bearer_anonymous", 1],
      ["bearer", 2],
      ["opaque", 1],
    ].map(([kind, count]) => `pullmeter_auth_total{registry="ghcr.io",kind="${kind}"} ${count}`),
  );
});

test("pulls are counted by the rule that ended them, their requests as assigned", async () => {
  const { finish, series } = harness();
  finish({ endRule: "capped", transfers: [1, 2] });
  finish({ endRule: "settled", transfers: [3] });
  assert.deepEqual(await series("pulls_ended"), [
    'pullmeter_pulls_ended_total{end_rule="settled"} 1',
    'pullmeter_pulls_ended_total{end_rule="connections_closed"} 0',
    'pullmeter_pulls_ended_total{end_rule="failed"} 0',
    'pullmeter_pulls_ended_total{end_rule="capped"} 1',
    'pullmeter_pulls_ended_total{end_rule="flushed"} 0',
    'pullmeter_pulls_ended_total{end_rule="dropped"} 0',
  ]);
  assert.deepEqual(await series("assigned_requests"), ["pullmeter_assigned_requests_total 3"]);
});

function started(transfer: number, credentials: CredentialEvidence = "none"): TransferStarted {
  return {
    type: "started",
    atMs: START_MS,
    transfer,
    connection: 1,
    listener: "shared",
    remoteAddress: "127.0.0.1",
    registry: "docker.io",
    method: "GET",
    route: { kind: "manifest", repository: "org/app", reference: "v1" },
    userAgent: "containerd/2.1.9",
    accept: "*/*",
    credentials,
    forwarded: false,
  };
}

function responded(transfer: number, overrides: Partial<ResponseStarted>): ResponseStarted {
  return { type: "responded", atMs: START_MS + 50, transfer, status: 200, ...overrides };
}

test("rate limits are told by registry and presence of credentials, as they were last", async () => {
  const { transfers, series } = harness();
  const tell = (transfer: number, credentials: CredentialEvidence, remaining: number, limit = 100) => {
    transfers(started(transfer, credentials));
    transfers(responded(transfer, { rateLimit: { limit, remaining, windowSeconds: 21_600, source: "0a1b2c3d" } }));
  };
  tell(1, "anonymous_bearer", 99);
  tell(2, "bearer", 180, 200);
  tell(3, "none", 98);
  assert.deepEqual(
    await series("ratelimit"),
    ["limit", "remaining", "window_seconds"].flatMap((what) => {
      const values = { limit: [100, 200], remaining: [98, 180], window_seconds: [21_600, 21_600] }[what] ?? [];
      return values.map(
        (value, index) => `pullmeter_ratelimit_${what}{registry="docker.io",has_creds="${index === 1}"} ${value}`,
      );
    }),
  );
});

test("responses 429 are counted with and without Retry-After, those of the proxy itself are not", async () => {
  const { transfers, series } = harness();
  for (const [transfer, overrides] of [{ retryAfterSeconds: 7 }, {}, { failure: "refused" as const }].entries()) {
    transfers(started(transfer));
    transfers(responded(transfer, { status: 429, ...overrides }));
  }
  assert.deepEqual(await series("rate_limited"), [
    'pullmeter_rate_limited_total{registry="docker.io",retry_after="true"} 1',
    'pullmeter_rate_limited_total{registry="docker.io",retry_after="false"} 1',
  ]);
});

test("the proxy's own share of the time to a response's head is what its upstreams did not take", async () => {
  const { transfers, series } = harness();
  const exchange = { type: "upstream-exchanged", registry: "docker.io", host: "x", outcome: 200 } as const;
  transfers(started(1));
  transfers({ ...exchange, atMs: START_MS + 20, transfer: 1, headMs: 15 });
  transfers({ ...exchange, atMs: START_MS + 48, transfer: 1, headMs: 25 });
  transfers(responded(1, {}));
  assert.deepEqual(await series("proxy_head_duration_seconds_sum"), ["pullmeter_proxy_head_duration_seconds_sum 0.01"]);
  assert.deepEqual(await series("proxy_head_duration_seconds_count"), [
    "pullmeter_proxy_head_duration_seconds_count 1",
  ]);
});
