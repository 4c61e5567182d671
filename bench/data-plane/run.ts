import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describeMachine } from "../figures/machine.ts";
import type { Results, Sample, Series, Skipped } from "../figures/results.ts";
import { makeCertificate } from "../rig/certificate.ts";
import { Client } from "../rig/client/client.ts";
import { aliasImage, MIB, writeImage } from "../rig/images.ts";
import { REDIRECTED, REDIRECT_TARGET, startUpstream } from "../rig/upstream.ts";
import { makeWorkspace } from "../rig/workspace.ts";
import { CANDIDATES } from "./candidates.ts";
import type { Options } from "./options.ts";
import type { Candidate, Program } from "./program.ts";
import type { Bench, Images } from "./workload.ts";
import { WORKLOADS } from "./workloads.ts";

/** One run from start to end: everything is started here, and stopped. `save` is called after each workload: runs are long. */
export async function runBench(options: Options, save: (results: Results) => void): Promise<Results> {
  const machine = describeMachine();
  const takenAt = new Date().toISOString();
  const workspace = makeWorkspace();
  const cleanUp: (() => Promise<unknown>)[] = [];
  try {
    const { folder } = workspace;
    const { root, images } = writeImages(folder, options.sizeMib);
    const certificate = makeCertificate(folder);
    const redirected = aliasImage(root, images.app, REDIRECTED);
    const upstream = await startUpstream({ folder, root, images: [...Object.values(images), redirected], certificate });
    cleanUp.push(() => upstream.stop());
    const client = new Client();
    cleanUp.push(() => client.stop());
    const record = new RunRecord(options);
    const bench: Omit<Bench, "programs"> = {
      options,
      folder,
      upstream,
      client,
      images,
      candidates: (workload) => record.candidates(workload),
      record: (workload, program, sample) => record.add(workload, program, sample),
      skip: (workload, program, reason) => record.skipped.push({ workload, program, reason }),
    };
    const programs = await startAll(record.present, bench, cleanUp);
    const versions = Object.fromEntries(programs.map(({ name, version }) => [name, version]));
    const { rounds, sizeMib, short } = options;
    const { skipped, series } = record;
    const about = { takenAt, machine, upstream: upstream.program, options: { rounds, sizeMib, short }, versions };
    const results: Results = { ...about, skipped, series };
    const running = { ...bench, programs: (workload: string) => record.programs(workload, programs) };
    await runWorkloads(options, running, () => save(results));
    return results;
  } finally {
    for (const stop of cleanUp.toReversed()) await stop();
    workspace.remove();
  }
}

function writeImages(folder: string, sizeMib: number): { readonly root: string; readonly images: Images } {
  const root = join(folder, "root");
  mkdirSync(root);
  const quarter = Math.ceil(sizeMib / 4) * MIB;
  const layers = [sizeMib * MIB, ...Array.from({ length: 6 }, () => quarter)];
  return {
    root,
    images: {
      app: writeImage(root, REDIRECT_TARGET, { layers, manifestBytes: 2_048 }),
      manifest2k: writeImage(root, "bench/manifest-2k", { layers: [1_024], manifestBytes: 2_048 }),
      manifest20k: writeImage(root, "bench/manifest-20k", { layers: [1_024], manifestBytes: 20_480 }),
    },
  };
}

async function startAll(
  candidates: readonly Candidate[],
  { folder, upstream }: Pick<Bench, "folder" | "upstream">,
  cleanUp: (() => Promise<unknown>)[],
): Promise<readonly Program[]> {
  const programs: Program[] = [];
  for (const candidate of candidates) {
    const program = await candidate.start({ folder, upstream });
    programs.push(program);
    cleanUp.push(() => program.stop());
  }
  return programs;
}

async function runWorkloads({ workloads }: Options, bench: Bench, done: () => void): Promise<void> {
  for (const workload of WORKLOADS.filter(({ name }) => workloads.includes(name))) {
    const startedAt = performance.now();
    await workload.run(bench);
    done();
    console.error(`${workload.name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  }
}

/** What was measured so far, and what was not. */
class RunRecord {
  readonly series: Series[] = [];
  readonly skipped: Skipped[] = [];
  /** Those that were asked for and can run here. */
  readonly present: readonly Candidate[];

  constructor({ programs }: Options) {
    const wanted = CANDIDATES.filter(({ name }) => programs.includes(name));
    for (const candidate of wanted) {
      const reason = candidate.missing();
      if (reason !== undefined) this.skipped.push({ program: candidate.name, reason });
    }
    this.present = wanted.filter((candidate) => candidate.missing() === undefined);
  }

  candidates(workload: string): readonly Candidate[] {
    return this.present.filter((candidate) => {
      const reason = candidate.excluded?.(workload);
      if (reason !== undefined) this.skipped.push({ workload, program: candidate.name, reason });
      return reason === undefined;
    });
  }

  programs(workload: string, running: readonly Program[]): readonly Program[] {
    const names = new Set(this.candidates(workload).map(({ name }) => name));
    return running.filter(({ name }) => names.has(name));
  }

  add(workload: string, program: string, sample: Sample): void {
    const known = this.series.find((each) => each.workload === workload && each.program === program);
    if (known === undefined) this.series.push({ workload, program, rounds: [sample] });
    else known.rounds.push(sample);
  }
}
