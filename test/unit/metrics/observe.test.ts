import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics, type MetricsOptions } from "../../../src/metrics/create-metrics.ts";
import { exposeMetrics } from "../../../src/metrics/exposition.ts";
import { MAX_COMBINATIONS, MAX_REGISTRIES } from "../../../src/metrics/limits.ts";
import { observePulls } from "../../../src/metrics/observe-pulls.ts";
import { observeTransfers } from "../../../src/metrics/observe-transfers.ts";
import type { TransferEvent, TransferStarted } from "../../../src/pull/transfer-event.ts";
import { expositionText } from "../../support/exposition-text.ts";
import { finishedPull, START_MS } from "../../support/finished-pull.ts";

function harness(options: Partial<MetricsOptions> = {}) {
  const metrics = createMetrics({ version: "1.2.3", processMetrics: false, ...options });
  const expose = exposeMetrics(metrics);
  const series = async (pattern: string) =>
    (await expositionText(expose)).split("\n").filter((line) => line.startsWith(pattern));
  return { pulls: observePulls(metrics), transfers: observeTransfers(metrics), series };
}

const TWIN = "pullmeter_pull_duration_seconds";
const ORIGIN = "buildbuddy_remote_execution_image_fetch_duration_usec";
const LABELS = `isolation="containerd",registry="ghcr.io",status="ok",on_disk="false",has_creds="false",trigger="execution"`;

function started(overrides: Partial<TransferStarted> = {}): TransferStarted {
  return {
    type: "started",
    atMs: START_MS,
    transfer: 1,
    connection: 1,
    listener: "shared",
    remoteAddress: "127.0.0.1",
    registry: "ghcr.io",
    method: "GET",
    route: { kind: "manifest", repository: "org/app", reference: "v1" },
    userAgent: "containerd/2.1.9",
    accept: "*/*",
    credentials: "none",
    forwarded: false,
    ...overrides,
  };
}

function responded(status: number, transfer = 1): TransferEvent {
  return { type: "responded", atMs: START_MS + 5, transfer, status };
}

test("one finished pull is one observation in each histogram, in seconds and in microseconds", async () => {
  const { pulls, series } = harness();
  pulls({ type: "pull-finished", pull: finishedPull() });
  assert.deepEqual(await series(`${TWIN}_sum`), [`${TWIN}_sum{${LABELS}} 1.5`]);
  assert.deepEqual(await series(`${TWIN}_count`), [`${TWIN}_count{${LABELS}} 1`]);
  assert.deepEqual(await series(`${ORIGIN}_sum`), [`${ORIGIN}_sum{${LABELS}} 1.5e+06`]);
  assert.deepEqual(await series(`${ORIGIN}_count`), [`${ORIGIN}_count{${LABELS}} 1`]);
});

for (const status of ["user_error", "timeout", "canceled", "error"] as const) {
  test(`status ${status} is kept by the twin and folded to error in the origin's histogram`, async () => {
    const { pulls, series } = harness();
    pulls({ type: "pull-finished", pull: finishedPull({ status, cause: "proxy" }) });
    assert.match((await series(`${TWIN}_count`)).join(), new RegExp(`status="${status}"`));
    assert.match((await series(`${ORIGIN}_count`)).join(), /status="error"/);
  });
}

test("on_disk, has_creds, trigger, isolation and registry come from the pull", async () => {
  const { pulls, series } = harness();
  const pull = finishedPull({
    onDisk: true,
    hasCreds: true,
    trigger: "warmup",
    isolation: "podman",
    registry: "registry.example.co.uk:5000",
  });
  pulls({ type: "pull-finished", pull });
  const labels = `isolation="podman",registry="example.co.uk",status="ok",on_disk="true",has_creds="true",trigger="warmup"`;
  assert.deepEqual(await series(`${TWIN}_count`), [`${TWIN}_count{${labels}} 1`]);
  assert.deepEqual(await series(`${ORIGIN}_count`), [`${ORIGIN}_count{${labels}} 1`]);
});

test("a pull without a request but its first lasts no time, and time never runs backwards", async () => {
  const { pulls, series } = harness();
  pulls({ type: "pull-finished", pull: finishedPull({ endMs: START_MS }) });
  pulls({ type: "pull-finished", pull: finishedPull({ endMs: START_MS - 1 }) });
  pulls({ type: "pull-finished", pull: finishedPull({ endMs: Number.NaN }) });
  assert.deepEqual(await series(`${TWIN}_sum`), [`${TWIN}_sum{${LABELS}} 0`]);
  assert.deepEqual(await series(`${TWIN}_count`), [`${TWIN}_count{${LABELS}} 3`]);
});

test("the origin's histogram takes another name, or is left out", async () => {
  const renamed = harness({ imageFetchHistogram: "executor_image_fetch_usec" });
  renamed.pulls({ type: "pull-finished", pull: finishedPull() });
  assert.equal((await renamed.series("executor_image_fetch_usec_count")).length, 1);
  assert.deepEqual(await renamed.series("buildbuddy"), []);
  const without = harness({ imageFetchHistogram: false });
  without.pulls({ type: "pull-finished", pull: finishedPull() });
  assert.equal((await without.series(`${TWIN}_count`)).length, 1);
  assert.deepEqual(await without.series("# TYPE buildbuddy"), []);
});

test("pulls in progress go up and down from 0", async () => {
  const { pulls, series } = harness();
  assert.deepEqual(await series("pullmeter_pulls_in_progress"), ["pullmeter_pulls_in_progress 0"]);
  pulls({ type: "pull-started", id: "1", registry: "ghcr.io" });
  pulls({ type: "pull-started", id: "2", registry: "ghcr.io" });
  assert.deepEqual(await series("pullmeter_pulls_in_progress"), ["pullmeter_pulls_in_progress 2"]);
  pulls({ type: "pull-finished", pull: finishedPull() });
  assert.deepEqual(await series("pullmeter_pulls_in_progress"), ["pullmeter_pulls_in_progress 1"]);
});

test("counters with closed labels show every value as 0 before anything happens", async () => {
  const { series } = harness();
  assert.ok(
    (await series("pullmeter_unassigned_requests_total")).includes(
      'pullmeter_unassigned_requests_total{reason="no_pull"} 0',
    ),
  );
  assert.ok((await series("pullmeter_bounds_hit_total")).includes('pullmeter_bounds_hit_total{bound="pulls"} 0'));
  assert.ok((await series("pullmeter_refused_total")).includes('pullmeter_refused_total{reason="unknown_registry"} 0'));
  assert.deepEqual(await series("pullmeter_label_overflow_total"), [
    'pullmeter_label_overflow_total{label="registry"} 0',
    'pullmeter_label_overflow_total{label="phase_registry"} 0',
    'pullmeter_label_overflow_total{label="isolation"} 0',
    'pullmeter_label_overflow_total{label="trigger"} 0',
    'pullmeter_label_overflow_total{label="serving_domain"} 0',
    'pullmeter_label_overflow_total{label="combination"} 0',
    'pullmeter_label_overflow_total{label="request_combination"} 0',
  ]);
});

test("unassigned requests, bounds and refusals are counted by reason", async () => {
  const { pulls, transfers, series } = harness();
  pulls({ type: "unassigned", reason: "side_lookup", registry: "ghcr.io" });
  pulls({ type: "bound-hit", bound: "manifests" });
  transfers({ type: "refused", atMs: START_MS, listener: "shared", reason: "tls_on_plain_port" });
  assert.ok(
    (await series("pullmeter_unassigned")).includes('pullmeter_unassigned_requests_total{reason="side_lookup"} 1'),
  );
  assert.ok((await series("pullmeter_bounds")).includes('pullmeter_bounds_hit_total{bound="manifests"} 1'));
  assert.ok((await series("pullmeter_refused")).includes('pullmeter_refused_total{reason="tls_on_plain_port"} 1'));
});

test("a delivered request counts once, by the class of its status, with its bytes", async () => {
  const { transfers, series } = harness();
  transfers(started());
  transfers(responded(206));
  assert.deepEqual(await series("pullmeter_requests_total"), []);
  transfers({ type: "finished", atMs: START_MS + 9, transfer: 1, bytes: 700 });
  assert.deepEqual(await series("pullmeter_requests_total"), [
    'pullmeter_requests_total{registry="ghcr.io",operation="manifest_get",outcome="2xx"} 1',
  ]);
  assert.deepEqual(await series("pullmeter_response_bytes_total"), [
    'pullmeter_response_bytes_total{registry="ghcr.io",outcome="2xx"} 700',
  ]);
  transfers({ type: "finished", atMs: START_MS + 9, transfer: 1, bytes: 700 });
  assert.match((await series("pullmeter_requests_total")).join(), / 1$/);
});

test("a request that was cut short counts by the reason, whatever its status was", async () => {
  const { transfers, series } = harness();
  transfers(started({ method: "HEAD" }));
  transfers(responded(200));
  transfers({ type: "failed", atMs: START_MS + 9, transfer: 1, bytes: 10, failure: "truncated" });
  assert.deepEqual(await series("pullmeter_requests_total"), [
    'pullmeter_requests_total{registry="ghcr.io",operation="manifest_head",outcome="truncated"} 1',
  ]);
});

test("an answer that the proxy made itself counts by the reason", async () => {
  const { transfers, series } = harness();
  transfers(started({ route: { kind: "ping" } }));
  transfers({ type: "responded", atMs: START_MS, transfer: 1, status: 502, failure: "dns" });
  transfers({ type: "finished", atMs: START_MS, transfer: 1, bytes: 60 });
  assert.deepEqual(await series("pullmeter_requests_total"), [
    'pullmeter_requests_total{registry="ghcr.io",operation="ping",outcome="dns"} 1',
  ]);
});

test("requests to upstreams count by outcome, and only answers have a duration", async () => {
  const { transfers, series } = harness();
  const exchanged = {
    type: "upstream-exchanged",
    atMs: START_MS,
    transfer: 1,
    registry: "ghcr.io",
    host: "ghcr.io",
  } as const;
  transfers({ ...exchanged, outcome: 307, headMs: 40 });
  transfers({ ...exchanged, outcome: "connect", headMs: 9000 });
  assert.deepEqual(await series("pullmeter_upstream_requests_total"), [
    'pullmeter_upstream_requests_total{registry="ghcr.io",outcome="3xx"} 1',
    'pullmeter_upstream_requests_total{registry="ghcr.io",outcome="connect"} 1',
  ]);
  assert.deepEqual(await series("pullmeter_upstream_head_duration_seconds_sum"), [
    'pullmeter_upstream_head_duration_seconds_sum{registry="ghcr.io"} 0.04',
  ]);
});

test("open connections go up and down", async () => {
  const { transfers, series } = harness();
  transfers({ type: "connection-opened", atMs: START_MS, connection: 1, listener: "shared", remoteAddress: "::1" });
  assert.deepEqual(await series("pullmeter_client_connections"), ["pullmeter_client_connections 1"]);
  transfers({ type: "connection-closed", atMs: START_MS, connection: 1 });
  assert.deepEqual(await series("pullmeter_client_connections"), ["pullmeter_client_connections 0"]);
});

test("refused registries take no place in the label", async () => {
  const { pulls, transfers, series } = harness();
  for (let transfer = 0; transfer < 500; transfer++) {
    transfers(started({ transfer, registry: `made-up-${transfer}.com` }));
    transfers({ type: "responded", atMs: START_MS, transfer, status: 403, failure: "refused" });
    transfers({ type: "finished", atMs: START_MS, transfer, bytes: 0 });
    pulls({
      type: "pull-finished",
      pull: finishedPull({ registry: `made-up-${transfer}.com`, cause: "refused", status: "user_error" }),
    });
  }
  assert.deepEqual(await series("pullmeter_requests_total"), [
    'pullmeter_requests_total{registry="[UNKNOWN]",operation="manifest_get",outcome="refused"} 500',
  ]);
  assert.equal((await series(`${TWIN}_count`)).length, 1);
  assert.ok((await series("pullmeter_label_overflow")).includes('pullmeter_label_overflow_total{label="registry"} 0'));
});

test("registries beyond the limit become [OTHER] and are counted; configured ones never do", async () => {
  const { pulls, series } = harness({ registries: ["registry.late.example.com:5000"] });
  for (let index = 0; index < 500; index++)
    pulls({ type: "pull-finished", pull: finishedPull({ registry: `r${index}.com` }) });
  pulls({ type: "pull-finished", pull: finishedPull({ registry: "registry.late.example.com:5000" }) });
  // [UNKNOWN], [IP_ADDRESS] and the configured one have their places, whether they are used or not.
  const overflowed = 500 - (MAX_REGISTRIES - 3);
  const counts = await series(`${TWIN}_count`);
  assert.equal(counts.length, MAX_REGISTRIES - 1);
  assert.ok(counts.some((line) => line.includes('registry="example.com"')));
  assert.ok(counts.some((line) => line.includes('registry="[OTHER]"') && line.endsWith(` ${overflowed}`)));
  assert.ok(
    (await series("pullmeter_label_overflow")).includes(
      `pullmeter_label_overflow_total{label="registry"} ${overflowed}`,
    ),
  );
});

test("an isolation longer than 32 characters is [OTHER]", async () => {
  const { pulls, series } = harness();
  for (const isolation of ["i".repeat(32), "i".repeat(33)])
    pulls({ type: "pull-finished", pull: finishedPull({ isolation }) });
  const counts = await series(`${TWIN}_count`);
  assert.deepEqual(
    counts.map((line) => /isolation="([^"]*)"/.exec(line)?.[1]),
    ["i".repeat(32), "[OTHER]"],
  );
});

test("isolations beyond the limit, and triggers that are none, become [OTHER]", async () => {
  const { pulls, series } = harness();
  for (let index = 0; index < 20; index++)
    pulls({ type: "pull-finished", pull: finishedPull({ isolation: `i${index}` }) });
  pulls({ type: "pull-finished", pull: finishedPull({ isolation: "i0", trigger: "whim" as "warmup" }) });
  const counts = (await series(`${TWIN}_count`)).join("\n");
  assert.match(counts, /isolation="\[OTHER\]".* 4$/m);
  assert.match(counts, /isolation="i0".*trigger="\[OTHER\]"/);
});

test("whatever pulls there are, their combinations of labels are bounded, and what overflows is counted", async () => {
  const { pulls, series } = harness();
  const statuses = ["ok", "user_error", "timeout", "canceled", "error"] as const;
  for (let n = 0; n < 20_000; n++) {
    const pull = finishedPull({
      registry: `r${n % 30}.com`,
      isolation: `i${Math.floor(n / 30) % 15}`,
      status: statuses[n % 5] ?? "ok",
      onDisk: n % 2 === 0,
      hasCreds: n % 3 === 0,
      trigger: n % 7 === 0 ? "warmup" : "execution",
    });
    pulls({ type: "pull-finished", pull });
  }
  const counts = await series(`${TWIN}_count`);
  const most = MAX_COMBINATIONS + 5 * 2 * 2 * 3;
  assert.ok(counts.length > MAX_COMBINATIONS && counts.length <= most, String(counts.length));
  const folded = counts.filter((line) => line.includes('isolation="[OTHER]",registry="[OTHER]"'));
  assert.equal(total(counts), 20_000);
  const [overflow = ""] = await series('pullmeter_label_overflow_total{label="combination"}');
  assert.equal(Number(overflow.split(" ").at(-1)), total(folded));
});

test("two sets of metrics in one process share nothing", async () => {
  const [one, other] = [harness(), harness()];
  one.pulls({ type: "pull-finished", pull: finishedPull() });
  assert.equal((await one.series(`${TWIN}_count`)).length, 1);
  assert.equal((await other.series(`${TWIN}_count`)).length, 0);
});

test("build info tells both versions", async () => {
  assert.deepEqual(await harness({ nodeVersion: "v24.1.0" }).series("pullmeter_build_info"), [
    `pullmeter_build_info{version="1.2.3",node_version="v24.1.0"} 1`,
  ]);
});

function total(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}
