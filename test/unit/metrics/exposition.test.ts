import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter, Gauge, Registry } from "prom-client";
import { createMetrics } from "../../../src/metrics/create-metrics.ts";
import { exposeMetrics } from "../../../src/metrics/exposition.ts";
import { observePulls } from "../../../src/metrics/observe.ts";
import { finishedPull } from "../../support/finished-pull.ts";

test("the content type is that of text format 0.0.4, whatever is asked for", async () => {
  const expose = exposeMetrics(new Registry());
  for (const accept of [undefined, "*/*", "application/openmetrics-text;version=1.0.0"]) {
    assert.deepEqual(await expose(accept), { contentType: "text/plain; version=0.0.4; charset=utf-8", body: "" });
  }
});

test("backslash, quote and line break are escaped in label values, the first and last in help", async () => {
  const registry = new Registry();
  const metric = new Counter({ name: "odd_total", help: 'a\\b\n"c"', labelNames: ["value"], registers: [registry] });
  metric.inc({ value: 'x\\y\n"z"' });
  const { body } = await exposeMetrics(registry)(undefined);
  assert.equal(
    body,
    '# HELP odd_total a\\\\b\\n"c"\n# TYPE odd_total counter\nodd_total{value="x\\\\y\\n\\"z\\""} 1\n',
  );
});

test("values are printed as Go prints them", async () => {
  const registry = new Registry();
  const metric = new Gauge({ name: "number", help: "A number.", registers: [registry] });
  metric.set(12_345_678);
  assert.match((await exposeMetrics(registry)(undefined)).body, /^number 1\.2345678e\+07$/m);
});

test("rendering twice gives the same names", async () => {
  const { metricsRegistry } = createMetrics({ version: "1.2.3", processMetrics: false });
  const expose = exposeMetrics(metricsRegistry);
  const first = await expose("application/openmetrics-text");
  assert.deepEqual(await expose("text/plain"), first);
});

test("the origin's histogram is exposed exactly as its executors expose it", async () => {
  const metrics = createMetrics({ version: "1.2.3", processMetrics: false });
  const observe = observePulls(metrics);
  observe({ type: "pull-finished", pull: finishedPull({ hasCreds: true }) });
  const { body } = await exposeMetrics(metrics.metricsRegistry)(undefined);
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
