import type { ReadRequest } from "../../rig/client/job.ts";
import { MIB } from "../../rig/images.ts";
import { cpuSeconds, memory, resetPeaks } from "../../rig/process-usage.ts";
import { REDIRECTED } from "../../rig/upstream.ts";
import type { Program, Side } from "../program.ts";
import { inRounds, type Bench, type Workload } from "../workload.ts";

interface BlobOptions {
  readonly side: Side;
  readonly parallel: number;
  /** The registry answers with a redirect, which the program follows. */
  readonly redirected?: boolean;
  readonly about: string;
}

/** CPU per GiB, throughput and memory of downloads at full speed. */
export function blobs(name: string, options: BlobOptions): Workload {
  return { name, about: options.about, run: (bench) => run(bench, name, options) };
}

async function run(bench: Bench, name: string, options: BlobOptions): Promise<void> {
  const programs = bench.programs(name);
  // Speed is worth nothing without the right bytes; this is the warm-up as well.
  for (const program of programs) await pull(bench, program, { ...options, hashed: true });
  await inRounds(bench, { workload: name, rounds: bench.options.blobRounds, items: programs }, async (program) => {
    await program.forget?.();
    bench.record(name, program.name, await measure(bench, program, options));
  });
}

async function measure(bench: Bench, program: Program, options: BlobOptions) {
  await pullManifest(bench, program, options);
  resetPeaks(program.pids);
  const before = memory(program.pids);
  const cpuBefore = cpuSeconds(program.pids);
  const clientBefore = cpuSeconds([bench.client.pid]);
  const { seconds, bodyBytes } = await bench.client.do({ kind: "read", requests: layersOf(bench, program, options) });
  const cpu = cpuSeconds(program.pids) - cpuBefore;
  const clientCpu = cpuSeconds([bench.client.pid]) - clientBefore;
  const { peakMb } = memory(program.pids);
  const gib = bodyBytes / (1024 * MIB);
  return {
    seconds,
    mbPerSecond: bodyBytes / MIB / seconds,
    cpuSecondsPerGib: cpu / gib,
    clientCpuSecondsPerGib: clientCpu / gib,
    peakRssMb: peakMb,
    peakGrowthMb: peakMb - before.rssMb,
  };
}

async function pull(
  bench: Bench,
  program: Program,
  options: BlobOptions & { readonly hashed: boolean },
): Promise<void> {
  try {
    await pullManifest(bench, program, options);
    await bench.client.do({ kind: "read", requests: layersOf(bench, program, options) });
  } catch (error) {
    throw new Error(`${program.name} does not deliver what the upstream has`, { cause: error });
  }
}

/** As a real client does: the manifest tells which layers there are. */
async function pullManifest({ client, images }: Bench, program: Program, options: BlobOptions): Promise<void> {
  const { sizeBytes } = images.app.manifest;
  const path = `/v2/${repositoryOf(options)}/manifests/v1`;
  await client.do({ kind: "read", requests: [{ port: program.ports[options.side], path, sizeBytes }] });
}

function layersOf(
  { images }: Bench,
  program: Program,
  options: BlobOptions & { readonly hashed?: boolean },
): readonly ReadRequest[] {
  const [large, ...smaller] = images.app.blobs;
  const chosen = options.parallel === 1 && large !== undefined ? [large] : smaller.slice(0, options.parallel);
  return chosen.map(({ digest, sizeBytes }) => ({
    port: program.ports[options.side],
    path: `/v2/${repositoryOf(options)}/blobs/${digest}`,
    sizeBytes,
    ...(options.hashed === true && { digest }),
  }));
}

function repositoryOf({ redirected }: BlobOptions): string {
  return redirected === true ? REDIRECTED : "bench/app";
}
