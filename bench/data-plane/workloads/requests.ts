import { isInstalled } from "../../rig/installed.ts";
import { cpuSeconds } from "../../rig/process-usage.ts";
import { MANIFEST_TYPE } from "../../rig/images.ts";
import { USER_AGENT } from "../../rig/client/reader.ts";
import type { Program } from "../program.ts";
import { inRounds, type Bench, type Images, type Workload } from "../workload.ts";
import { runWrk } from "../wrk.ts";

interface RequestOptions {
  readonly image: keyof Images;
  /** One series for each. */
  readonly connections: readonly number[];
  readonly about: string;
}

/** Rate, latency and CPU of small answers. */
export function requests(name: string, options: RequestOptions): Workload {
  return { name, about: options.about, run: (bench) => run(bench, name, options) };
}

/** `manifest-2k` at 8 connections is the series `manifest-2k/8`. */
export function seriesName(workload: string, connections: number): string {
  return `${workload}/${connections}`;
}

/**
 * 4 s that are not recorded, before the first series: what compiles while it works, or fills a pool of connections, has
 * done so then. After one second pullmeter still needs half as much CPU again as after four.
 */
const WARM_UP_SECONDS = 4;

async function run(bench: Bench, name: string, { image, connections }: RequestOptions): Promise<void> {
  const programs = bench.programs(name);
  if (!isInstalled("wrk")) {
    for (const program of programs) bench.skip(name, program.name, "wrk is not installed");
    return;
  }
  const path = `/v2/${bench.images[image].repository}/manifests/v1`;
  const warm = new Set<Program>();
  for (const count of connections) {
    const series = seriesName(name, count);
    const load = { connections: count, seconds: bench.options.wrkSeconds };
    await inRounds(bench, { workload: series, rounds: bench.options.rounds, items: programs }, async (program) => {
      if (!warm.has(program)) await measure(program, path, { ...load, seconds: WARM_UP_SECONDS });
      warm.add(program);
      bench.record(series, program.name, await measure(program, path, load));
    });
  }
}

async function measure(
  program: Program,
  path: string,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
) {
  const url = `${program.scheme ?? "http"}://127.0.0.1:${program.ports.tls}${path}`;
  const cpuBefore = cpuSeconds(program.pids);
  const told = await runWrk({
    url,
    connections,
    seconds,
    headers: { "user-agent": USER_AGENT, accept: MANIFEST_TYPE },
  });
  if (told.failed > 0) throw new Error(`${program.name}: ${told.failed} requests failed at ${connections} connections`);
  const cpu = cpuSeconds(program.pids) - cpuBefore;
  return {
    requestsPerSecond: told.requestsPerSecond,
    p50Us: told.p50Us,
    p99Us: told.p99Us,
    ...(program.pids.length > 0 && { cpuMsPer1000: (cpu * 1e6) / told.requests }),
  };
}
