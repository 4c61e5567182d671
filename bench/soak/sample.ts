import { kill } from "node:process";
import { countDescriptors, reaches, residentBytes } from "../faults/at-rest.ts";
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
  /** Handles, timers and requests that keep the event loop busy. */
  readonly resources: number;
  readonly livePulls: number;
  readonly clientConnections: number;
  /** Finished pulls that were observed so far. */
  readonly observed: number;
}

/** A full collection takes some 50 ms, and on a busy machine its turn has to come first. */
const REPORTED_WITHIN_MS = 10_000;

/** Has the program collect its garbage and report (self-report.ts), then reads /metrics and /proc. */
export async function takeSample(proxy: ProxyProcess, startedMs: number): Promise<Sample> {
  const reported = await selfReport(proxy);
  const metrics = parseSamples(await proxy.metrics());
  const value = (name: string): number => metrics.get(name) ?? Number.NaN;
  return {
    atS: (performance.now() - startedMs) / 1000,
    ...reported,
    residentBytes: await residentBytes(proxy.pid, "VmRSS"),
    descriptors: await countDescriptors(proxy.pid),
    livePulls: value("pullmeter_pulls_in_progress"),
    clientConnections: value("pullmeter_client_connections"),
    observed: sumOf(metrics, "pullmeter_pull_duration_seconds_count{"),
  };
}

type SelfReport = Pick<Sample, "heapBytes" | "externalBytes" | "resources">;

async function selfReport(proxy: ProxyProcess): Promise<SelfReport> {
  const before = reportsOf(proxy).length;
  kill(proxy.pid, "SIGUSR2");
  const count = await reaches(before + 1, REPORTED_WITHIN_MS, () => reportsOf(proxy).length);
  const last = reportsOf(proxy).at(-1);
  if (last === undefined || count === before) throw new Error("the program did not report in time");
  return last;
}

function reportsOf(proxy: ProxyProcess): SelfReport[] {
  return proxy.logLines().flatMap(({ selfReport: report }) => (report === undefined ? [] : [report as SelfReport]));
}

function sumOf(metrics: ReadonlyMap<string, number>, prefix: string): number {
  return [...metrics].reduce((sum, [name, value]) => (name.startsWith(prefix) ? sum + value : sum), 0);
}
