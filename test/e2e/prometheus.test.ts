import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { buildImage, buildLayer } from "../support/clients/image.ts";
import { createPodman } from "../support/clients/podman.ts";
import { eventually } from "../support/clients/process.ts";
import { missingPrograms } from "../support/clients/programs.ts";
import { startPrometheus } from "../support/clients/prometheus.ts";
import { freePorts } from "./pullmeter.ts";
import { openStage, readExample, type Stage } from "./stage.ts";

const missing =
  missingPrograms("bookworm", "prometheus", "promtool", "podman", "docker-registry") ??
  missingPrograms("sid", "prometheus", "promtool");

for (const release of ["bookworm", "sid"] as const) {
  test(
    `Prometheus (${release}) scrapes every pull with the example's configuration`,
    { skip: missing ?? false },
    async (t) => {
      const stage = await stageWithOnePull(t);
      const [port = 0] = await freePorts(1);
      const config = stage.localise(readExample("prometheus/prometheus.yml"));
      const prometheus = await startPrometheus({ release, port, config });
      t.after(async () => prometheus.stop());
      const labels =
        'isolation="podman",registry="docker.io",status="ok",on_disk="false",has_creds="false",trigger="execution"';
      for (const histogram of [
        "pullmeter_pull_duration_seconds",
        "buildbuddy_remote_execution_image_fetch_duration_usec",
      ]) {
        const count = await eventually(`${histogram} is scraped`, async () =>
          prometheus.query(`${histogram}_count{${labels}}`),
        );
        assert.equal(count, "1");
        const median = await prometheus.query(`histogram_quantile(0.5, sum by (le) (${histogram}_bucket))`);
        assert.ok(Number(median) > 0, `the median of ${histogram} is ${median}`);
      }
      assert.equal(await prometheus.query("up"), "1");
    },
  );
}

async function stageWithOnePull(t: TestContext): Promise<Stage> {
  const stage = await openStage(readExample("pullmeter.yaml"));
  t.after(async () => stage.close());
  await stage.open.push("scraped/app", "v1", buildImage({ layers: [buildLayer({ bytes: 1000 })] }));
  const registriesConf = stage.localise(readExample("podman/50-pullmeter.conf"));
  const podman = await createPodman({ release: "bookworm", registriesConf });
  t.after(async () => podman.close());
  const result = await podman.pull("docker.io/scraped/app:v1");
  assert.equal(result.exitCode, 0, result.error);
  await stage.pullmeter.observed("scraped/app", 1);
  return stage;
}
