import { setTimeout as delay } from "node:timers/promises";
import { cpuSeconds, memory } from "../../rig/process-usage.ts";
import type { Bench, Workload } from "../workload.ts";

/** For what is done just after the start to be over. */
const CALM_MS = 3_000;
const WATCHED_MS = 10_000;

/** What a program costs that has nothing to do. All are watched at the same time: none disturbs another. */
export const idle: Workload = {
  name: "idle",
  about: "nothing, for 10 s after the start",
  run,
};

async function run(bench: Bench): Promise<void> {
  const programs = bench.programs("idle");
  await delay(CALM_MS);
  const before = programs.map(({ pids }) => cpuSeconds(pids));
  await delay(WATCHED_MS);
  for (const [at, { name, pids }] of programs.entries()) {
    const cpuMsPer10s = (cpuSeconds(pids) - (before[at] ?? 0)) * 1000;
    bench.record("idle", name, { rssMb: memory(pids).rssMb, cpuMsPer10s });
  }
}
