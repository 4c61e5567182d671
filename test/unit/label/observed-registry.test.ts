import assert from "node:assert/strict";
import { test } from "node:test";
import { observedRegistry } from "../../../src/label/observed-registry.ts";
import { toPullRecord } from "../../../src/log/pull-record.ts";
import { createMetrics } from "../../../src/metrics/create-metrics.ts";
import { exposeMetrics } from "../../../src/metrics/exposition.ts";
import { observePulls } from "../../../src/metrics/observe-pulls.ts";
import { expositionText } from "../../support/exposition-text.ts";
import { finishedPull } from "../../support/finished-pull.ts";

const CONFIGURED = ["registry.lab.example", "docker.io"];

const rows: readonly (readonly [title: string, host: string, outcome: string, label: string])[] = [
  ["what a registry answered has its domain", "made.up.example", "not_found", "up.example"],
  ["a configured registry has it also when it is refused", "registry.lab.example", "refused", "lab.example"],
  ["a refused one has none, though a configured one shares its domain", "nobody.lab.example", "refused", "[UNKNOWN]"],
  ["nor has a configured one on another port", "docker.io:444", "refused", "[UNKNOWN]"],
];

for (const [title, host, outcome, label] of rows) {
  test(`${title}: ${host}`, () => assert.equal(observedRegistry(host, outcome, new Set(CONFIGURED)), label));
}

test("a pull has the same registry in the log and in metrics, whatever came before", async () => {
  const metrics = createMetrics({ version: "1.2.3", processMetrics: false, registries: CONFIGURED });
  const observe = observePulls(metrics);
  const labels: string[] = [];
  for (const host of ["made.up.example", "registry.lab.example", "nobody.lab.example", "made.up.example"]) {
    const pull = finishedPull({ registry: host, cause: "refused", status: "user_error" });
    observe({ type: "pull-finished", pull });
    labels.push(toPullRecord(pull, new Set(CONFIGURED)).registry);
    // From now on its domain has a place among the values.
    observe({ type: "pull-finished", pull: finishedPull({ registry: host }) });
  }
  assert.deepEqual(labels, ["[UNKNOWN]", "lab.example", "[UNKNOWN]", "[UNKNOWN]"]);
  const refused = (await expositionText(exposeMetrics(metrics)))
    .split("\n")
    .filter((line) => line.startsWith("pullmeter_pull_failures_total{"));
  assert.deepEqual(refused.toSorted(), [
    'pullmeter_pull_failures_total{registry="[UNKNOWN]",cause="refused"} 3',
    'pullmeter_pull_failures_total{registry="lab.example",cause="refused"} 1',
  ]);
});
