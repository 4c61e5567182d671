import type { ServingConfig } from "../config/config.ts";
import type { Proxy } from "../proxy/proxy.ts";
import { createProxy } from "../proxy/server.ts";
import type { Observer } from "../pull/transfer-event.ts";
import { toProxyRules } from "../wiring/settings.ts";
import type { ForkWorker } from "./worker-process.ts";
import { WorkerProxies, type WorkerWatcher } from "./worker-proxies.ts";

/** Where clients are served: in this process, or in several. */
export interface DataPlane extends Pick<Proxy, "listen" | "protect" | "drain" | "close"> {
  /** Takes other rules for all requests from now on. */
  reload(config: ServingConfig): void;
  /** Until when everything that happened was observed, at the latest; `nowMs` is the time. */
  toldUntil(nowMs: number): number;
}

/** What is needed for more than one process. */
export interface WorkerSupport {
  /** The file that a worker runs. */
  readonly program: string;
  /** The machine's monotonic clock, in milliseconds. */
  readonly monotonicMs: () => number;
}

export interface DataPlaneOptions {
  readonly observe: Observer;
  readonly now: () => number;
  readonly workerSupport?: WorkerSupport | undefined;
  readonly watcher: WorkerWatcher;
}

export function createDataPlane(config: ServingConfig, options: DataPlaneOptions): DataPlane {
  const { observe, now, workerSupport, watcher } = options;
  if (config.workers === 1) return inThisProcess(config, { observe, now });
  if (workerSupport === undefined) throw new Error("workers: this program serves in one process only");
  const { program, monotonicMs } = workerSupport;
  // What starts processes is loaded only where there are several.
  const loadFork = async (): Promise<ForkWorker> => (await import("./worker-process.ts")).createFork(program);
  return new WorkerProxies({ config, observe, now, watcher, monotonicMs, loadFork });
}

function inThisProcess(config: ServingConfig, watching: Pick<DataPlaneOptions, "observe" | "now">): DataPlane {
  const proxy = createProxy({ ...toProxyRules(config), ...watching });
  return {
    listen: () => proxy.listen(),
    protect: (listener, protection) => proxy.protect(listener, protection),
    drain: (timeoutMs, pulls) => proxy.drain(timeoutMs, pulls),
    close: () => proxy.close(),
    reload: (next) => proxy.reload(toProxyRules(next)),
    toldUntil: (nowMs) => nowMs,
  };
}
