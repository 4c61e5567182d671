import { setTimeout as delay } from "node:timers/promises";
import type { Seen } from "../faults/seen.ts";
import { pullStrictly } from "../faults/strict-client.ts";
import type { SeededRandom } from "../truth/seeded-random.ts";

export interface LoadOptions {
  readonly origin: string;
  readonly registries: readonly string[];
  readonly workers: number;
  readonly random: SeededRandom;
}

/** Share of the pulls whose client goes away, and how long it stays at most, in milliseconds. */
const ABORTED = { share: 0.15, withinMs: 150 };
/** Clients by address: as many as a node has processes that pull, over a day. */
const ADDRESSES = 200;

/** What clients saw of their pulls. */
export class Tally {
  readonly seen: Record<Seen["kind"], number> = { ok: 0, status: 0, cut: 0, "wrong bytes": 0, hang: 0, failed: 0 };
  aborted = 0;
  /** The first pull that was given wrong bytes: which registry, in which phase. */
  firstWrong = "";
  /** Pulls that came past their HEAD: each is observed, whatever came then. */
  observable = 0;

  get pulls(): number {
    return Object.values(this.seen).reduce((sum, count) => sum + count, 0);
  }

  add(seen: Seen, registry: string, wasAborted: boolean): void {
    this.seen[seen.kind] += 1;
    if (seen.kind === "wrong bytes" && this.firstWrong === "") this.firstWrong = `${registry}, ${seen.phase}`;
    if (wasAborted) this.aborted += 1;
    const isEarly = "phase" in seen && (seen.phase === "ping" || seen.phase === "resolve");
    if (!isEarly) this.observable += 1;
  }
}

/** Pulls at full speed for a time. Resolves when every client is gone. */
export async function load(options: LoadOptions, forMs: number, tally: Tally): Promise<void> {
  const untilMs = performance.now() + forMs;
  const work = async (): Promise<void> => {
    while (performance.now() < untilMs) await pullOnce(options, tally);
  };
  await Promise.all(Array.from({ length: options.workers }, work));
}

async function pullOnce({ origin, registries, random }: LoadOptions, tally: Tally): Promise<void> {
  const gone = new AbortController();
  const isAborted = random.chance(ABORTED.share);
  const registry = random.pick(registries);
  const localAddress = `127.2.0.${random.integer(1, ADDRESSES)}`;
  const pulling = pullStrictly({ origin, registry, localAddress, signal: gone.signal });
  if (isAborted) void leave(gone, random.between(0, ABORTED.withinMs));
  tally.add(await pulling, registry, isAborted);
}

async function leave(gone: AbortController, afterMs: number): Promise<void> {
  await delay(afterMs);
  gone.abort();
}
