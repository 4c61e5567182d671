import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../../rig/client/client.ts";
import { memory, resetPeaks } from "../../rig/process-usage.ts";
import type { Candidate, Program } from "../program.ts";
import { inRounds, type Bench, type Workload } from "../workload.ts";

/** 64 KiB/s: far below what the upstream gives, so that every buffer on the way fills. */
const BYTES_PER_SECOND = 65_536;

/** From then on memory must not grow: buffers are full. */
const SETTLED_MS = 10_000;
const SAMPLE_MS = 500;

/** Memory with many clients that read slowly. Once per program: time, not chance, is what it depends on. */
export function slow(name: string, clients: number): Workload {
  return {
    name,
    about: `${clients} clients that read 64 KiB/s each, TLS`,
    run: (bench) => run(bench, name, clients),
  };
}

async function run(bench: Bench, name: string, clients: number): Promise<void> {
  const { own, peers } = bench.options.slowSeconds;
  await inRounds(bench, { workload: name, rounds: 1, items: bench.candidates(name) }, async (candidate) => {
    const seconds = candidate.name === "pullmeter" ? own : peers;
    if (seconds === 0) return bench.skip(name, candidate.name, "not in the short form");
    bench.record(name, candidate.name, await measureAnew(bench, candidate, { clients, seconds }));
  });
}

interface Slowness {
  readonly clients: number;
  readonly seconds: number;
}

/** In a process of its own that has served one blob: what other workloads left behind is not theirs. */
async function measureAnew(bench: Bench, candidate: Candidate, slowness: Slowness) {
  const folder = mkdtempSync(join(bench.folder, "slow-"));
  const program = await candidate.start({ folder, upstream: bench.upstream });
  try {
    const port = program.ports.tls;
    const [{ digest, sizeBytes } = { digest: "", sizeBytes: 0 }] = bench.images.app.blobs;
    const path = `/v2/${bench.images.app.repository}/blobs/${digest}`;
    await bench.client.do({ kind: "read", requests: [{ port, path, sizeBytes, digest }] });
    return await watch(bench.client, program, { path, ...slowness });
  } finally {
    await program.stop();
  }
}

async function watch(
  client: Client,
  program: Program,
  { path, clients, seconds }: Slowness & { readonly path: string },
) {
  const { rssMb: idleMb } = memory(program.pids);
  resetPeaks(program.pids);
  const startedAt = performance.now();
  try {
    const slowly = { connections: clients, bytesPerSecond: BYTES_PER_SECOND };
    await client.do({ kind: "hold", port: program.ports.tls, path, ...slowly });
    const settled: number[] = [];
    for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - startedAt) {
      await delay(SAMPLE_MS);
      if (elapsed >= SETTLED_MS) settled.push(memory(program.pids).rssMb);
    }
    return { idleMb, clients, ...memory(program.pids), growthMb: growth(settled) };
  } finally {
    await client.do({ kind: "release" });
  }
}

/** Mean of the last third less that of the first: garbage collection moves single values by more than any leak. */
export function growth(values: readonly number[]): number {
  const third = Math.ceil(values.length / 3);
  return mean(values.slice(-third)) - mean(values.slice(0, third));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
