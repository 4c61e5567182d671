import { createObservedTracker, type ObservedTracker } from "./observed-tracker.ts";
import { Traffic, type OpenPull, type PullOf } from "./traffic.ts";
import { median } from "../figures/statistics.ts";

/** One point of a line: what grew, to which size, and what things cost there. */
export interface Point {
  readonly size: number;
  /** By measure, in the unit that its name ends with. */
  readonly costs: Readonly<Record<string, number>>;
}

export interface Line {
  readonly name: string;
  /** What `size` counts. */
  readonly grows: string;
  readonly points: readonly Point[];
}

/** Measured in batches, of which the median counts: the garbage of one does not become the cost of another. */
const BATCHES = 9;

const ONE_REPOSITORY = "one daemon, one repository";

/** Where the live pulls are, from what is usual to what is worst for an index. */
export const SHAPES: Readonly<Record<string, (at: number) => PullOf>> = {
  "many clients": (at) =>
    pullOf(at, { remoteAddress: `10.1.${(at >> 8) % 16}.${at & 255}`, repository: `lib/app${at}` }),
  "one daemon": (at) => pullOf(at, { repository: `lib/app${at}` }),
  [ONE_REPOSITORY]: (at) => pullOf(at, { repository: "lib/app" }),
};

function pullOf(at: number, of: Partial<PullOf>): PullOf {
  const registry = "registry.example.com";
  return { registry, repository: "lib/app", remoteAddress: "10.0.0.1", tag: `v${at}`, ...of };
}

/** Cost of what goes on while `size` pulls are live. */
export function measureLive(shape: string, sizes: readonly number[], batch: number): Line {
  const of = SHAPES[shape] ?? ((at) => pullOf(at, {}));
  const points = sizes.map((size): Point => {
    const observed = createObservedTracker();
    const traffic = new Traffic(observed);
    const open = Array.from({ length: size }, (_, at) => traffic.open(of(at)));
    const live = (at: number): OpenPull => open[(at * 7919) % size] ?? traffic.open(of(size));
    return {
      size,
      costs: {
        requestUs: microseconds(batch, (at) => traffic.askAgain(live(at))),
        // Of many pulls of one image by one client it must find the one heard of last: that is not without looking.
        ...(shape !== ONE_REPOSITORY && { tokenRefusalUs: microseconds(batch, (at) => traffic.refuseToken(live(at))) }),
        // Last: its pulls stay live until they have settled.
        pullUs: microseconds(Math.ceil(batch / 6), (at) => traffic.pull(of(size + at))),
      },
    };
  });
  return { name: `live pulls, ${shape}`, grows: "live pulls", points };
}

/** A hundred repositories, as a node pulls from. */
function ofHundred(at: number): PullOf {
  return pullOf(at, { repository: `lib/app${at % 100}` });
}

/** Cost of the pulls that follow after `size` have finished, and of a scrape. */
export async function measureFinished(sizes: readonly number[], batch: number): Promise<Line> {
  const observed = createObservedTracker();
  const traffic = new Traffic(observed);
  const points: Point[] = [];
  let pulls = 0;
  for (const size of sizes) {
    for (; observed.finishedPulls() < size; pulls++) traffic.pull(ofHundred(pulls));
    const pullUs = microseconds(Math.ceil(batch / 6), () => traffic.pull(ofHundred(pulls++)));
    points.push({ size, costs: { pullUs, ...(await scrape(observed)), heapMb: heapMb() } });
  }
  return { name: "finished pulls", grows: "finished pulls", points };
}

/** Cost of pulls from `size` registries that nobody configured. */
export async function measureRegistries(sizes: readonly number[], batch: number): Promise<Line> {
  const points: Point[] = [];
  for (const size of sizes) {
    const observed = createObservedTracker();
    const traffic = new Traffic(observed);
    const nextOf = (at: number): PullOf => pullOf(at, { registry: `registry.example${at % size}.com` });
    // Each of them is known before anything is measured.
    for (let at = 0; at < size; at++) traffic.pull(nextOf(at));
    const pullUs = microseconds(Math.ceil(batch / 6), (at) => traffic.pull(nextOf(at)));
    points.push({ size, costs: { pullUs, ...(await scrape(observed)) } });
  }
  return { name: "registries", grows: "registries", points };
}

async function scrape({ expose }: ObservedTracker): Promise<{ readonly scrapeMs: number; readonly scrapeKb: number }> {
  const times: number[] = [];
  let bytes = 0;
  for (let at = 0; at < 2 * BATCHES; at++) {
    const before = cpuMicroseconds();
    bytes = Buffer.byteLength((await expose("application/openmetrics-text")).body);
    times.push((cpuMicroseconds() - before) / 1000);
  }
  return { scrapeMs: median(times.slice(BATCHES)), scrapeKb: bytes / 1024 };
}

function microseconds(count: number, act: (at: number) => void): number {
  let at = 0;
  const times = Array.from({ length: BATCHES }, () => {
    const before = cpuMicroseconds();
    for (let each = 0; each < count; each++) act(at++);
    return (cpuMicroseconds() - before) / count;
  });
  return median(times);
}

/** CPU time of all threads, those of the garbage collector included: a busy machine does not change it much. */
function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** After a collection where the engine can be told to collect (`--expose-gc`). */
function heapMb(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1024 ** 2;
}
