import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { buildImage, buildLayer } from "../support/clients/image.ts";
import { createPodman } from "../support/clients/podman.ts";
import { eventually } from "../support/clients/process.ts";
import { missingPrograms } from "../support/clients/programs.ts";
import { startPrometheus, type Prometheus, type PrometheusOptions } from "../support/clients/prometheus.ts";
import { freePorts, type PullLine } from "./pullmeter.ts";
import { openStage, readExample, type Stage } from "./stage.ts";

const missing =
  missingPrograms("bookworm", "prometheus", "promtool", "podman", "docker-registry") ??
  missingPrograms("sid", "prometheus", "promtool");

const TWIN = "pullmeter_pull_duration_seconds";

/** Bytes of the one layer of each image, so that pulls take different times. */
const LAYER_BYTES = [1000, 100_000, 1_000_000, 4_000_000, 16_000_000];

for (const release of ["bookworm", "sid"] as const) {
  test(
    `Prometheus (${release}) finds exemplars, and quantiles of native histograms that are those of the logged pulls`,
    { skip: missing ?? false },
    async (t) => {
      const { stage, pulls } = await stageWithPulls(t);
      // Protobuf: the twin is a native histogram, and has no series with `le`.
      const native = await scraper(t, stage, { release, features: ["exemplar-storage", "native-histograms"] });
      await eventually("all pulls are scraped", async () =>
        Number(await native.query(`histogram_count(sum(${TWIN}))`)) === pulls.length ? true : undefined,
      );
      for (const quantile of [0.01, 0.25, 0.5, 0.75, 0.9, 1]) {
        const found = Number(await native.query(`histogram_quantile(${quantile}, sum(${TWIN}))`));
        const exact = exactQuantile(pulls, quantile);
        // Both lie in the same bucket, and those of schema 3 are 2^(1/8) wide.
        assert.ok(Math.abs(Math.log2(found / exact)) <= 1 / 8, `quantile ${quantile}: ${found}, exactly ${exact} s`);
      }
      const sum = Number(await native.query(`histogram_sum(sum(${TWIN}))`));
      assert.ok(Math.abs(sum - total(pulls)) < 0.001, `${sum} is not ${total(pulls)}`);
      await expectExemplars(native, TWIN, pulls);

      // OpenMetrics: exemplars of the fixed buckets.
      const classic = await scraper(t, stage, { release, features: ["exemplar-storage"] });
      await expectExemplars(classic, `${TWIN}_bucket`, pulls);
      assert.equal(await classic.query(`sum(${TWIN}_count)`), String(pulls.length));
      assert.equal(await classic.query(`count({__name__=~"pullmeter_.*_total_total|pullmeter_requests"})`), undefined);
      const requests = await classic.query("sum(pullmeter_requests_total)");
      assert.equal(await native.query("sum(pullmeter_requests_total)"), requests, "counters have their names in both");
    },
  );
}

/** Exemplars that are stored name pulls that were logged, and tell their durations. */
async function expectExemplars(prometheus: Prometheus, selector: string, pulls: readonly PullLine[]): Promise<void> {
  const exemplars = await eventually(`exemplars of ${selector} are stored`, async () => {
    const stored = await prometheus.exemplars(selector);
    return stored.length > 0 ? stored : undefined;
  });
  for (const { labels, value, timestamp } of exemplars) {
    const pull = pulls.find(({ id }) => id === labels["pull_id"]);
    assert.ok(pull, `no pull ${JSON.stringify(labels)} was logged`);
    assert.ok(Math.abs(Number(value) - pull.duration_ms / 1000) < 0.001, `${value} s of ${JSON.stringify(pull)}`);
    const end = Date.parse(pull.transfer_end) / 1000;
    assert.ok(timestamp >= end - 0.001 && timestamp < end + 60, `${timestamp} is not soon after ${end}`);
  }
}

/** The observation of rank ceil(quantile * count), as histogram_quantile means it. */
function exactQuantile(pulls: readonly PullLine[], quantile: number): number {
  const durations = pulls.map(({ duration_ms: ms }) => ms / 1000).toSorted((one, other) => one - other);
  return durations[Math.max(1, Math.ceil(quantile * durations.length)) - 1] ?? Number.NaN;
}

function total(pulls: readonly PullLine[]): number {
  return pulls.reduce((sum, { duration_ms: ms }) => sum + ms / 1000, 0);
}

async function scraper(
  t: TestContext,
  stage: Stage,
  options: Pick<PrometheusOptions, "release" | "features">,
): Promise<Prometheus> {
  const [port = 0] = await freePorts(1);
  const config = stage.localise(readExample("prometheus/prometheus.yml"));
  const prometheus = await startPrometheus({ ...options, port, config });
  t.after(async () => prometheus.stop());
  return prometheus;
}

async function stageWithPulls(t: TestContext): Promise<{ stage: Stage; pulls: readonly PullLine[] }> {
  const stage = await openStage(readExample("pullmeter.yaml"));
  t.after(async () => stage.close());
  const registriesConf = stage.localise(readExample("podman/50-pullmeter.conf"));
  const podman = await createPodman({ release: "bookworm", registriesConf });
  t.after(async () => podman.close());
  for (const [index, bytes] of LAYER_BYTES.entries()) {
    const repository = `native/app-${index}`;
    await stage.open.push(repository, "v1", buildImage({ layers: [buildLayer({ bytes })] }));
    const result = await podman.pull(`docker.io/${repository}:v1`);
    assert.equal(result.exitCode, 0, result.error);
    await stage.pullmeter.observed(repository, 1);
  }
  return { stage, pulls: [...stage.pullmeter.pulls()] };
}
