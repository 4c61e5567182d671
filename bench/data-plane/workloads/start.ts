import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { inRounds, type Bench, type Workload } from "../workload.ts";

/** From spawn to the first accepted connection. */
export const start: Workload = {
  name: "start",
  about: "until the first connection is accepted",
  run,
};

async function run(bench: Bench): Promise<void> {
  const { upstream, options } = bench;
  const items = bench.candidates("start");
  await inRounds(bench, { workload: "start", rounds: options.rounds, items }, async (candidate) => {
    const folder = mkdtempSync(join(bench.folder, "start-"));
    const program = await candidate.start({ folder, upstream });
    await program.stop();
    bench.record("start", candidate.name, { startMs: program.startMs });
  });
}
