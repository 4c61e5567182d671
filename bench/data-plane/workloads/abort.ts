import { setTimeout as delay } from "node:timers/promises";
import { MIB } from "../../rig/images.ts";
import { memory, openSockets, resetPeaks } from "../../rig/process-usage.ts";
import type { Program } from "../program.ts";
import { inRounds, type Bench, type Workload } from "../workload.ts";

const CLIENTS = 500;

/** For sockets to be closed on both sides. */
const CALM_MS = 3_000;

/** Clients that go away in the middle of a body: what stays behind. Twice: what the first time leaves is warm-up. */
export const abort: Workload = {
  name: "abort",
  about: `${CLIENTS} clients that go away after 1 MiB, TLS`,
  run,
};

async function run(bench: Bench): Promise<void> {
  await inRounds(bench, { workload: "abort", rounds: 1, items: bench.programs("abort") }, async (program) => {
    await goAway(bench, program);
    const before = { sockets: openSockets(program.pids), ...memory(program.pids) };
    resetPeaks(program.pids);
    await goAway(bench, program);
    const after = memory(program.pids);
    bench.record("abort", program.name, {
      socketsLeft: openSockets(program.pids) - before.sockets,
      rssMb: after.rssMb,
      rssGrowthMb: after.rssMb - before.rssMb,
      peakMb: after.peakMb,
    });
  });
}

async function goAway({ client, images }: Bench, program: Program): Promise<void> {
  const [{ digest } = { digest: "" }] = images.app.blobs;
  const path = `/v2/${images.app.repository}/blobs/${digest}`;
  await client.do({ kind: "cut", port: program.ports.tls, path, connections: CLIENTS, afterBytes: MIB });
  await delay(CALM_MS);
}
