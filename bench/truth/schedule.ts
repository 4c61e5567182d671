import type { Root, Tagged } from "./images.ts";
import { REGISTRIES, type RegistryKey } from "./registries.ts";
import { SeededRandom } from "./seeded-random.ts";

/** What a client is told to do. `id` starts at 1. */
export interface PlannedPull {
  readonly id: number;
  readonly registry: RegistryKey;
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
  readonly credentials: "none" | "right" | "wrong";
  /** The client is killed so long after its start, if it still runs. */
  readonly killAfterMs?: number;
}

/** One turn of a worker. Pulls of one step start at the same moment. */
export type Step =
  | { readonly kind: "pull"; readonly pulls: readonly PlannedPull[]; readonly pauseMs: number }
  | { readonly kind: "remove"; readonly registry: RegistryKey; readonly tagged: Tagged }
  | { readonly kind: "move"; readonly tagged: Tagged; readonly root: Root };

/**
 * How often each kind of thing happens. The shares follow the recorded runs from which the rules of pull assembly were
 * learned; removals are a little more frequent, because a longer run would otherwise find nearly everything on disk.
 */
const SHARE = {
  removal: 0.2,
  removalOfNextImage: 0.5,
  tagMove: 0.04,
  missingTag: 0.05,
  digestReference: 0.15,
  warmRegistry: 0.15,
  sameImageAtOnce: 0.1,
  killed: 0.08,
};
/** Milliseconds. Clients die anywhere between their first request and their last layer. */
const KILL_AFTER = { soonest: 150, latest: 2500 };
/** Milliseconds a worker waits before its next step, in half of the cases: 3 pulls a second with 6 workers. */
const PAUSE = { share: 0.5, longest: 2500 };

/** Plans one run: steps that workers take one after the other. Pure. */
export function planSteps(seed: number, count: number, tags: readonly Tagged[]): Step[] {
  const random = new SeededRandom(seed, "schedule");
  const rootOfTag = new Map<Tagged, number>();
  const steps: Step[] = [];
  let planned = 0;
  while (planned < count) {
    const tagged = random.pick(tags);
    if (random.chance(SHARE.removal))
      steps.push(removal(random, random.chance(SHARE.removalOfNextImage) ? tagged : random.pick(tags)));
    if (random.chance(SHARE.tagMove)) {
      const moving = random.pick(tags.filter(({ roots }) => roots.length > 1));
      const next = ((rootOfTag.get(moving) ?? 0) + 1) % moving.roots.length;
      rootOfTag.set(moving, next);
      steps.push({ kind: "move", tagged: moving, root: moving.roots[next] ?? moving.roots[0] });
    }
    const times = random.chance(SHARE.sameImageAtOnce) ? Math.min(random.integer(2, 3), count - planned) : 1;
    const pull = planPull(random, tagged);
    const pulls = Array.from({ length: times }, (_, index) => ({
      ...pull,
      ...plannedKill(random),
      id: planned + index + 1,
    }));
    planned += times;
    steps.push({ kind: "pull", pulls, pauseMs: random.chance(PAUSE.share) ? random.integer(0, PAUSE.longest) : 0 });
  }
  return steps;
}

function planPull(random: SeededRandom, tagged: Tagged): Omit<PlannedPull, "id" | "killAfterMs"> {
  const registry = registryOf(random, tagged);
  const { repository } = tagged;
  const credentials = REGISTRIES[registry].private
    ? random.pick(["right", "right", "right", "wrong", "none"] as const)
    : "none";
  if (random.chance(SHARE.missingTag))
    return { registry, repository, reference: `absent-${random.integer(1, 3)}`, credentials };
  if (random.chance(SHARE.digestReference))
    return { registry, repository, reference: random.pick(tagged.roots).digest, credentials };
  return { registry, repository, reference: tagged.tag, credentials };
}

function plannedKill(random: SeededRandom): { killAfterMs?: number } {
  return random.chance(SHARE.killed) ? { killAfterMs: random.integer(KILL_AFTER.soonest, KILL_AFTER.latest) } : {};
}

function removal(random: SeededRandom, tagged: Tagged): Step {
  return { kind: "remove", registry: registryOf(random, tagged), tagged };
}

function registryOf(random: SeededRandom, tagged: Tagged): RegistryKey {
  if (tagged.private) return "private";
  return random.chance(SHARE.warmRegistry) ? "warm" : "main";
}
