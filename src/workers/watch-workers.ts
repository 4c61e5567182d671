import type { Logger } from "../log/logger.ts";
import type { Metrics } from "../metrics/create-metrics.ts";
import type { WorkerWatcher } from "./worker-proxies.ts";

/** Tells the log and the metrics what becomes of workers. */
export function watchWorkers(metrics: Metrics, logger: Logger): WorkerWatcher {
  const toldCpuSeconds = new Map<number, number>();
  return {
    started: (worker, pid) => {
      toldCpuSeconds.set(worker, 0);
      logger.info("worker started", { worker, pid });
    },
    died: (worker, how, waitMs) => {
      metrics.workerRestarts.inc();
      logger.error("worker died: what it served failed, another takes its place", { worker, how, waitMs });
    },
    used: (worker, { residentBytes, cpuSeconds }) => {
      const labels = { worker: String(worker) };
      metrics.workerResidentMemory.set(labels, residentBytes);
      // The next process in its place begins at 0; the counter goes on.
      metrics.workerCpu.inc(labels, Math.max(0, cpuSeconds - (toldCpuSeconds.get(worker) ?? 0)));
      toldCpuSeconds.set(worker, cpuSeconds);
    },
  };
}
