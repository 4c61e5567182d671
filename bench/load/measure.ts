import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startPullmeter, type PullmeterProgram } from "../data-plane/programs/pullmeter.ts";
import { quantile } from "../figures/statistics.ts";
import { makeCertificate } from "../rig/certificate.ts";
import { Client } from "../rig/client/client.ts";
import type { ReadRequest } from "../rig/client/job.ts";
import { MIB, writeImage, type ImageFiles } from "../rig/images.ts";
import { cpuSeconds, memory, openSockets, resetPeaks } from "../rig/process-usage.ts";
import { startUpstream } from "../rig/upstream.ts";
import { makeWorkspace } from "../rig/workspace.ts";
import { startProbe } from "./probe.ts";

export interface LoadOptions {
  readonly clients: number;
  readonly idleConnections: number;
  readonly layerMib: number;
  readonly rounds: number;
  /** Processes that serve. */
  readonly workers: number;
}

export interface LoadRound {
  readonly seconds: number;
  readonly mbPerSecond: number;
  /** CPU of the program over the time: 1 is one core, all the time. */
  readonly cores: number;
  readonly metricsP50Ms: number;
  readonly metricsP99Ms: number;
  readonly readyzP50Ms: number;
  readonly readyzP99Ms: number;
  readonly looks: number;
  readonly peakMb: number;
  /** Resident and open when all clients are gone. */
  readonly afterMb: number;
  readonly afterSockets: number;
}

export interface LoadResult {
  readonly before: { readonly rssMb: number; readonly sockets: number };
  readonly rounds: readonly LoadRound[];
}

const LAYERS = 4;

/** For closed connections to be closed on both sides, and for garbage to be collected. */
const CALM_MS = 5_000;

/** Rounds in one process: the first tells what it needs, later ones whether it needs more each time. */
export async function measureLoad(options: LoadOptions): Promise<LoadResult> {
  const workspace = makeWorkspace();
  const cleanUp: (() => Promise<unknown>)[] = [];
  try {
    const { folder } = workspace;
    const root = join(folder, "root");
    mkdirSync(root);
    const layers = Array.from({ length: LAYERS }, () => options.layerMib * MIB);
    const image = writeImage(root, "bench/app", { layers, manifestBytes: 2_048 });
    const certificate = makeCertificate(folder);
    const upstream = await startUpstream({ folder, root, images: [image], certificate });
    cleanUp.push(() => upstream.stop());
    const program = await startPullmeter({ folder, upstream }, "pullmeter", { workers: options.workers });
    cleanUp.push(() => program.stop());
    const client = new Client();
    const idlers = new Client();
    cleanUp.push(() => Promise.all([client.stop(), idlers.stop()]));
    // Hashed once: what comes fast must be right.
    await client.do({ kind: "read", requests: requestsOf(program, image, { clients: LAYERS, hashed: true }) });
    await delay(CALM_MS);
    const before = { rssMb: memory(program.pids).rssMb, sockets: openSockets(program.pids) };
    const rounds: LoadRound[] = [];
    for (let round = 0; round < options.rounds; round++) {
      rounds.push(await runRound(options, { program, image, client, idlers }));
    }
    return { before, rounds };
  } finally {
    for (const stop of cleanUp.toReversed()) await stop();
    workspace.remove();
  }
}

interface Parties {
  readonly program: PullmeterProgram;
  readonly image: ImageFiles;
  readonly client: Client;
  readonly idlers: Client;
}

async function runRound(
  { clients, idleConnections }: LoadOptions,
  { program, image, client, idlers }: Parties,
): Promise<LoadRound> {
  resetPeaks(program.pids);
  await idlers.do({ kind: "connect", port: program.ports.tls, connections: idleConnections });
  const probe = startProbe(program.adminPort, ["/metrics", "/readyz"]);
  const cpuBefore = cpuSeconds(program.pids);
  const requests = requestsOf(program, image, { clients, hashed: false });
  const { seconds, bodyBytes } = await client.do({ kind: "read", requests });
  const cpu = cpuSeconds(program.pids) - cpuBefore;
  const { "/metrics": metrics = [], "/readyz": readyz = [] } = await probe.stop();
  await idlers.do({ kind: "release" });
  const { peakMb } = memory(program.pids);
  await delay(CALM_MS);
  return {
    seconds,
    mbPerSecond: bodyBytes / MIB / seconds,
    cores: cpu / seconds,
    metricsP50Ms: quantile(metrics, 0.5),
    metricsP99Ms: quantile(metrics, 0.99),
    readyzP50Ms: quantile(readyz, 0.5),
    readyzP99Ms: quantile(readyz, 0.99),
    looks: metrics.length + readyz.length,
    peakMb,
    afterMb: memory(program.pids).rssMb,
    afterSockets: openSockets(program.pids),
  };
}

function requestsOf(
  program: PullmeterProgram,
  image: ImageFiles,
  { clients, hashed }: { readonly clients: number; readonly hashed: boolean },
): readonly ReadRequest[] {
  return Array.from({ length: clients }, (_, at) => {
    const { digest, sizeBytes } = image.blobs[at % image.blobs.length] ?? { digest: "", sizeBytes: 0 };
    const path = `/v2/${image.repository}/blobs/${digest}`;
    return { port: program.ports.tls, path, sizeBytes, ...(hashed && { digest }) };
  });
}
