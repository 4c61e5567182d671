import { setTimeout as delay } from "node:timers/promises";
import type { DockerRegistry } from "../../test/support/clients/docker-registry.ts";
import { nowMs } from "./clock.ts";
import type { Driver } from "./driver.ts";
import type { Root, Tagged } from "./images.ts";
import type { PlannedPull, Step } from "./schedule.ts";
import type { ClientPull } from "./truth.ts";
import type { TapLog } from "./tap.ts";

/** No healthy pull of the bench takes longer; a client that hangs is killed and counts as failed. */
const PULL_TIMEOUT_MS = 180_000;

export interface RunOptions {
  readonly driver: Driver;
  readonly steps: readonly Step[];
  readonly tags: readonly Tagged[];
  readonly parallel: number;
  readonly tapLog: TapLog;
  readonly registryOf: (tagged: Tagged) => DockerRegistry;
}

export interface ScheduleResult {
  readonly pulls: ClientPull[];
  readonly tagMoves: { readonly repository: string; readonly atMs: number; readonly digest: string }[];
  readonly removals: { readonly image: string; readonly atMs: number }[];
}

/** Lets `parallel` workers take the steps one after the other. */
export async function runSchedule(options: RunOptions): Promise<ScheduleResult> {
  const run = new ScheduleRun(options);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let step = options.steps[next++]; step !== undefined; step = options.steps[next++]) await run.take(step);
  };
  await Promise.all(Array.from({ length: options.parallel }, worker));
  run.result.pulls.sort((a, b) => a.plan.id - b.plan.id);
  return run.result;
}

class ScheduleRun {
  readonly result: ScheduleResult = { pulls: [], tagMoves: [], removals: [] };
  readonly #options: RunOptions;
  readonly #tagRoots = new Map<Tagged, Root>();
  /** Image names that were pulled and not removed, by repository. */
  readonly #inStore = new Map<string, Set<string>>();
  readonly #layersAtManifest = new Map<number, ReadonlySet<string>>();

  constructor(options: RunOptions) {
    this.#options = options;
    options.tapLog.onEnd = ({ pull, url, status }) => {
      if (pull === undefined || status !== 200 || !url.includes("/manifests/")) return;
      if (!this.#layersAtManifest.has(pull)) this.#layersAtManifest.set(pull, options.driver.layers());
    };
  }

  async take(step: Step): Promise<void> {
    if (step.kind === "remove") return this.#remove(step.tagged);
    if (step.kind === "move") return this.#move(step.tagged, step.root);
    const pulls = await Promise.all(step.pulls.map(async (plan) => this.#pull(plan)));
    this.result.pulls.push(...pulls);
    await delay(step.pauseMs);
  }

  async #pull(plan: PlannedPull): Promise<ClientPull> {
    const { driver } = this.#options;
    const root = this.#rootOf(plan);
    const layersAtStart = driver.layers();
    const abort = new AbortController();
    const kill = setTimeout(() => abort.abort(), plan.killAfterMs ?? PULL_TIMEOUT_MS);
    const result = await driver.pull(plan, abort.signal);
    clearTimeout(kill);
    if (result.exitCode === 0) this.#namesOf(plan.repository).add(driver.imageName(plan));
    // A tag that moved while the client ran could have named either root.
    const known = this.#rootOf(plan) === root ? root : undefined;
    return {
      plan,
      result,
      root: known,
      layersAtStart,
      layersAtManifest: this.#layersAtManifest.get(plan.id),
      killed: abort.signal.aborted,
    };
  }

  #rootOf({ repository, reference }: PlannedPull): Root | undefined {
    const tags = this.#options.tags.filter((tagged) => tagged.repository === repository);
    const tagged = tags.find(({ tag }) => tag === reference);
    if (tagged !== undefined) return this.#tagRoots.get(tagged) ?? tagged.roots[0];
    return tags.flatMap(({ roots }) => roots).find(({ digest }) => digest === reference);
  }

  async #move(tagged: Tagged, root: Root): Promise<void> {
    await this.#options.registryOf(tagged).push(tagged.repository, tagged.tag, root.content);
    this.#tagRoots.set(tagged, root);
    this.result.tagMoves.push({ repository: tagged.repository, atMs: nowMs(), digest: root.digest });
  }

  async #remove(tagged: Tagged): Promise<void> {
    const names = this.#namesOf(tagged.repository);
    const images = Array.from(names);
    names.clear();
    for (const image of images) {
      this.result.removals.push({ image, atMs: nowMs() });
      // It may be gone: the same image has several names, and a client can be in the middle of replacing it.
      await this.#options.driver.client.remove(image).catch(() => {});
    }
  }

  #namesOf(repository: string): Set<string> {
    const names = this.#inStore.get(repository) ?? new Set();
    this.#inStore.set(repository, names);
    return names;
  }
}
