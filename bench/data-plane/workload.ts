import type { Client } from "../rig/client/client.ts";
import type { ImageFiles } from "../rig/images.ts";
import type { Upstream } from "../rig/upstream.ts";
import type { Sample } from "../figures/results.ts";
import type { Options } from "./options.ts";
import type { Candidate, Program } from "./program.ts";

/** Something that programs are asked to do, and what is measured of it. */
export interface Workload {
  readonly name: string;
  readonly about: string;
  run(bench: Bench): Promise<void>;
}

/** What workloads work with. */
export interface Bench {
  readonly options: Options;
  readonly folder: string;
  readonly upstream: Upstream;
  readonly client: Client;
  readonly images: Images;
  /** The programs that have a part in the workload, running; others are noted as skipped. */
  programs(workload: string): readonly Program[];
  /** The same, not running. */
  candidates(workload: string): readonly Candidate[];
  record(workload: string, program: string, sample: Sample): void;
  skip(workload: string, program: string, reason: string): void;
}

export interface Images {
  /** One large layer and six of a quarter of its size. */
  readonly app: ImageFiles;
  readonly manifest2k: ImageFiles;
  readonly manifest20k: ImageFiles;
}

/**
 * One program after the other in each round, in reversed order in every other one: what drifts on the machine during a
 * run weighs on all of them alike. A peer that fails is left out from then on, and told; pullmeter must not fail.
 */
export async function inRounds<Item extends { readonly name: string }>(
  { skip }: Pick<Bench, "skip">,
  { workload, rounds, items }: { readonly workload: string; readonly rounds: number; readonly items: readonly Item[] },
  measure: (item: Item) => Promise<void>,
): Promise<void> {
  let present = items;
  for (let round = 0; round < rounds; round++) {
    for (const item of round % 2 === 0 ? present : present.toReversed()) {
      try {
        await measure(item);
      } catch (error) {
        if (item.name === "pullmeter") throw new Error(`pullmeter failed in ${workload}`, { cause: error });
        skip(workload, item.name, `failed: ${error instanceof Error ? error.message : String(error)}`);
        present = present.filter((each) => each !== item);
      }
    }
  }
}
