import { kill } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { countDescriptors, residentBytes } from "../faults/at-rest.ts";
import { parseSamples } from "../truth/observed.ts";
import type { ProxyProcess } from "../truth/proxy-process.ts";

/** The program at one moment. */
export interface Sample {
  /** Seconds since the soak began. */
  readonly atS: number;
  /** Bytes that are in use after a collection of garbage: what grows here is held by something. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly residentBytes: number;
  readonly descriptors: number;
  /** Handles, timers and requests of the event loop. */
  readonly resources: number;
  readonly livePulls: number;
  readonly clientConnections: number;
  /** Finished pulls that were observed so far. */
  readonly observed: number;
}

/** A full collection takes some 50 ms; the next lines of the program come after it. */
const COLLECTED_MS = 300;

/** Has the program collect its garbage (collect-garbage.ts), then reads /metrics and /proc. */
export async function takeSample(proxy: ProxyProcess, startedMs: number): Promise<Sample> {
  kill(proxy.pid, "SIGUSR2");
  await delay(COLLECTED_MS);
  const metrics = parseSamples(await proxy.metrics());
  const value = (name: string): number => metrics.get(name) ?? Number.NaN;
  return {
    atS: (performance.now() - startedMs) / 1000,
    heapBytes: value("nodejs_heap_size_used_bytes"),
    externalBytes: value("nodejs_external_memory_bytes"),
    residentBytes: await residentBytes(proxy.pid, "VmRSS"),
    descriptors: await countDescriptors(proxy.pid),
    resources: value("nodejs_active_resources_total"),
    livePulls: value("pullmeter_pulls_in_progress"),
    clientConnections: value("pullmeter_client_connections"),
    observed: sumOf(metrics, "pullmeter_pull_duration_seconds_count{"),
  };
}

function sumOf(metrics: ReadonlyMap<string, number>, prefix: string): number {
  return [...metrics].reduce((sum, [name, value]) => (name.startsWith(prefix) ? sum + value : sum), 0);
}
