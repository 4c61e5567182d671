import assert from "node:assert/strict";
import { test } from "node:test";
import { buildImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { pull } from "../../src/demo/puller.ts";
import { startDemoRegistry } from "../../src/demo/registry.ts";
import { eventually, startDaemon } from "../support/clients/process.ts";
import { missingPrograms, programPath } from "../support/clients/programs.ts";
import { freePorts, startPullmeter } from "./pullmeter.ts";

const missing = missingPrograms("bookworm", "prometheus-pushgateway");

test(
  "a real Pushgateway takes the metrics of a process that ends, and shows its pull",
  { skip: missing ?? false },
  async (t) => {
    const [port = 0, listener = 0, adminPort = 0] = await freePorts(3);
    const gateway = `http://127.0.0.1:${port}`;
    const daemon = startDaemon(programPath("prometheus-pushgateway", "bookworm"), [
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    t.after(async () => daemon.stop());
    await eventually("the Pushgateway is ready", async () => {
      const response = await fetch(`${gateway}/-/ready`).catch(() => undefined);
      return response?.status === 200 ? true : undefined;
    });

    const image = buildImage({ repository: "demo/app", tag: "v1", layers: [buildLayer("layer", 10_000)] });
    const registry = await startDemoRegistry({ images: [image] });
    t.after(async () => registry.close());
    const config = JSON.stringify({
      listeners: [{ address: `127.0.0.1:${listener}`, registry: "registry.test" }],
      admin: { address: `127.0.0.1:${adminPort}` },
      registries: { "registry.test": { upstream: registry.url } },
      push: { url: gateway, job: "builds", instance: "builder-7" },
    });
    const pullmeter = await startPullmeter({ config, adminPort });
    t.after(async () => pullmeter.stop());
    const origin = `http://127.0.0.1:${listener}`;
    await pull({ origin, repository: "demo/app", reference: "v1", store: new Set() });
    assert.equal(await pullmeter.terminate(), 0);
    assert.match(pullmeter.log(), /"msg":"metrics pushed"/);

    const shown = await (await fetch(`${gateway}/metrics`)).text();
    const counts = shown.split("\n").filter((line) => line.startsWith("pullmeter_pull_duration_seconds_count{"));
    assert.equal(counts.length, 1, counts.join("\n"));
    for (const part of ['instance="builder-7"', 'job="builds"', 'registry="registry.test"', 'status="ok"', "} 1"]) {
      assert.ok(counts[0]?.includes(part), `${part} in ${counts[0]}`);
    }
    assert.match(shown, /^push_time_seconds\{instance="builder-7",job="builds"\}/m);
  },
);
