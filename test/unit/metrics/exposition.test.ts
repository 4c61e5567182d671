import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter, Gauge, Histogram, Registry, Summary } from "prom-client";
import { createMetrics } from "../../../src/metrics/create-metrics.ts";
import { exposeMetrics } from "../../../src/metrics/exposition.ts";
import { observePulls } from "../../../src/metrics/observe-pulls.ts";
import { expositionText } from "../../support/exposition-text.ts";
import { finishedPull } from "../../support/finished-pull.ts";

const OPEN_METRICS = "application/openmetrics-text;version=1.0.0";

function observedOnce(overrides: Parameters<typeof finishedPull>[0] = {}) {
  const metrics = createMetrics({ version: "1.2.3", processMetrics: false });
  observePulls(metrics)({ type: "pull-finished", pull: finishedPull(overrides) });
  return exposeMetrics(metrics);
}

for (const [accept, type] of [
  [undefined, "text/plain; version=0.0.4; charset=utf-8"],
  ["*/*", "text/plain; version=0.0.4; charset=utf-8"],
  [OPEN_METRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8"],
  [
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,*/*;q=0.2",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
  ],
] as const) {
  test(`a scraper that asks for ${accept ?? "nothing"} gets ${type}`, async () => {
    assert.equal((await observedOnce()(accept)).contentType, type);
  });
}

test("what prom-client keeps is exposed with its own names, and Go's numbers", async () => {
  const metricsRegistry = new Registry();
  const registers = [metricsRegistry];
  new Counter({ name: "some_total", help: "A counter.", labelNames: ["kind"], registers }).inc({ kind: "x" }, 3);
  new Gauge({ name: "some", help: "A gauge.", registers }).set(12_345_678);
  const histogram = new Histogram({ name: "h", help: "H.", labelNames: ["kind"], buckets: [1, 1e6], registers });
  for (const kind of ["a", "b"]) histogram.observe({ kind }, 2);
  new Summary({ name: "s", help: "S.", percentiles: [0.5], registers }).observe(4);
  const text = await expositionText(exposeMetrics({ metricsRegistry, histograms: [] }));
  assert.equal(
    text,
    `# HELP some_total A counter.
# TYPE some_total counter
some_total{kind="x"} 3
# HELP some A gauge.
# TYPE some gauge
some 1.2345678e+07
# HELP h H.
# TYPE h histogram
h_bucket{kind="a",le="1"} 0
h_bucket{kind="a",le="1e+06"} 1
h_bucket{kind="a",le="+Inf"} 1
h_sum{kind="a"} 2
h_count{kind="a"} 1
h_bucket{kind="b",le="1"} 0
h_bucket{kind="b",le="1e+06"} 1
h_bucket{kind="b",le="+Inf"} 1
h_sum{kind="b"} 2
h_count{kind="b"} 1
`,
  );
});

/** Lines without those about families, and without exemplars. */
function seriesOf(exposition: string): readonly string[] {
  const lines = exposition.split("\n").filter((line) => !line.startsWith("#"));
  return lines.map((line) => line.replace(/ # .*/, ""));
}

test("a scrape in one format changes nothing in the next one in another", async () => {
  const expose = observedOnce();
  const [text, openMetrics] = [await expositionText(expose), await expositionText(expose, OPEN_METRICS)];
  assert.equal(await expositionText(expose), text);
  assert.equal(await expositionText(expose, OPEN_METRICS), openMetrics);
  assert.deepEqual(seriesOf(openMetrics), seriesOf(text));
});

test("exemplars tell the pull and its trace, that of a layer's throughput which layer it was", async () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const text = await expositionText(observedOnce({ traceId }), OPEN_METRICS);
  const exemplars = text.split("\n").filter((line) => line.includes(" # "));
  assert.deepEqual(
    exemplars.map((line) => line.replace(/\{.*,le=/, "{le=")),
    [
      `buildbuddy_remote_execution_image_fetch_duration_usec_bucket{le="1.953125e+06"} 1 # {pull_id="0001",trace_id="${traceId}"} 1.5e+06 1767225603.500`,
      `pullmeter_pull_duration_seconds_bucket{le="2.5"} 1 # {pull_id="0001",trace_id="${traceId}"} 1.5 1767225603.500`,
      `pullmeter_layer_throughput_bytes_per_second_bucket{le="1e+06"} 1 # {pull_id="0001",digest="sha256:${"a".repeat(64)}",size="1000000"} 740740.7407407408 1767225603.500`,
    ],
  );
});

test("the origin's histogram is exposed exactly as its executors expose it", async () => {
  const body = await expositionText(observedOnce({ hasCreds: true }));
  const lines = body.split("\n").filter((line) => line.startsWith("buildbuddy_"));
  const labels = `isolation="containerd",registry="ghcr.io",status="ok",on_disk="false",has_creds="true",trigger="execution"`;
  const name = "buildbuddy_remote_execution_image_fetch_duration_usec";
  const bucket = (le: string, count: number) => `${name}_bucket{${labels},le="${le}"} ${count}`;
  assert.deepEqual(lines, [
    ...["1", "5", "25", "125", "625", "3125", "15625", "78125", "390625"].map((le) => bucket(le, 0)),
    bucket("1.953125e+06", 1),
    bucket("9.765625e+06", 1),
    bucket("4.8828125e+07", 1),
    bucket("2.44140625e+08", 1),
    bucket("1.220703125e+09", 1),
    bucket("+Inf", 1),
    `${name}_sum{${labels}} 1.5e+06`,
    `${name}_count{${labels}} 1`,
  ]);
});
