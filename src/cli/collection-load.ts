import { constants, PerformanceObserver, type PerformanceEntry } from "node:perf_hooks";

/** 3 % of the time: below that, collecting more often is cheaper than memory. Blobs alone make next to no garbage. */
const BUSY_SHARE = 0.03;

/** 150 ms, three times: 500 clients that come at once reach that share for one, thousands of small requests for all. */
const WINDOW_MS = 150;
const BUSY_WINDOWS = 3;

/** Tells whether collecting garbage takes a good part of the time, again and again while anything is collected. */
export class CollectionLoad {
  readonly #told: (isBusy: boolean) => void;
  #sinceMs: number;
  #spentMs = 0;
  #busyWindows = 0;

  constructor(nowMs: number, told: (isBusy: boolean) => void) {
    this.#sinceMs = nowMs;
    this.#told = told;
  }

  /** Young garbage was collected at `atMs`, for so long. */
  collected(atMs: number, tookMs: number): void {
    this.#spentMs += tookMs;
    const elapsedMs = atMs - this.#sinceMs;
    if (elapsedMs < WINDOW_MS) return;
    this.#busyWindows = this.#spentMs > BUSY_SHARE * elapsedMs ? this.#busyWindows + 1 : 0;
    this.#sinceMs = atMs;
    this.#spentMs = 0;
    this.#told(this.#busyWindows >= BUSY_WINDOWS);
  }
}

/** Watches this process from now on. */
export function watchCollections(told: (isBusy: boolean) => void): void {
  const load = new CollectionLoad(performance.now(), told);
  const observer = new PerformanceObserver((list) => {
    // The others are rare and long: one alone would look like load.
    for (const entry of list.getEntries()) if (isOfYoung(entry)) load.collected(entry.startTime, entry.duration);
  });
  observer.observe({ entryTypes: ["gc"] });
}

/** Node.js says so in a property that its types leave out. */
function isOfYoung(entry: PerformanceEntry & { readonly detail?: unknown }): boolean {
  const { detail } = entry;
  const kind = typeof detail === "object" && detail !== null && "kind" in detail ? detail.kind : undefined;
  return kind === constants.NODE_PERFORMANCE_GC_MINOR;
}
