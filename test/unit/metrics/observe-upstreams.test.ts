import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "../../../src/metrics/create-metrics.ts";
import { exposeMetrics } from "../../../src/metrics/exposition.ts";
import { observeUpstreams } from "../../../src/metrics/observe-upstreams.ts";
import type { Observer } from "../../../src/pull/transfer-event.ts";
import { expositionText } from "../../support/exposition-text.ts";

function start(): { observe: Observer; lines: (name: string) => Promise<string[]> } {
  const metrics = createMetrics({ version: "1", processMetrics: false });
  return {
    observe: observeUpstreams(metrics),
    lines: async (name) =>
      (await expositionText(exposeMetrics(metrics))).split("\n").filter((line) => line.startsWith(`${name}{`)),
  };
}

test("what was made good is counted by registry, and by whether its client had seen something of it", async () => {
  const { observe, lines } = start();
  const repeated = {
    type: "upstream-repeated",
    atMs: 0,
    transfer: 1,
    registry: "ghcr.io",
    cause: "truncated",
  } as const;
  observe({ ...repeated, repeated: "request" });
  observe({ ...repeated, repeated: "body" });
  observe({ ...repeated, repeated: "body" });
  assert.deepEqual(await lines("pullmeter_upstream_repeats_total"), [
    'pullmeter_upstream_repeats_total{registry="ghcr.io",repeated="request"} 1',
    'pullmeter_upstream_repeats_total{registry="ghcr.io",repeated="body"} 2',
  ]);
});

test("each unreachable host of a registry counts once, whatever its probes say, until it is found again", async () => {
  const { observe, lines } = start();
  const change = (host: string, state: "open" | "half_open" | "closed"): void =>
    observe({ type: "circuit-changed", atMs: 0, registry: "ghcr.io", host, state });
  for (const state of ["open", "half_open", "open"] as const) change("ghcr.io", state);
  change("cdn.ghcr.io", "open");
  assert.deepEqual(await lines("pullmeter_upstream_circuits_open"), [
    'pullmeter_upstream_circuits_open{registry="ghcr.io"} 2',
  ]);
  change("ghcr.io", "closed");
  change("ghcr.io", "closed");
  assert.deepEqual(await lines("pullmeter_upstream_circuits_open"), [
    'pullmeter_upstream_circuits_open{registry="ghcr.io"} 1',
  ]);
});
