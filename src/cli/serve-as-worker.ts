// One of the processes that serve clients when `workers` is more than 1. `serve` starts it, and tells it everything.
import { readProxyVariables } from "../config/proxy-variables.ts";
import { createLogger } from "../log/logger.ts";
import type { ToWorker } from "../workers/messages.ts";
import { Worker } from "../workers/worker.ts";

const EXIT_FAILURE = 1;

// Signals are for the primary, also those that reach all processes of a terminal or a control group.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

/** A mistake in the program ends this process, and the primary starts another. */
async function end(error: Error): Promise<never> {
  const logger = createLogger({ level: "error" });
  logger.error("uncaught exception in a worker", { error, pid: process.pid });
  await logger.flush();
  return process.exit(EXIT_FAILURE);
}
process.on("uncaughtException", (error) => void end(error));

const worker = new Worker({
  // What cannot be sent has nobody to read it: the primary is gone, and this process with it.
  send: (message, sent = () => {}) => void process.send?.(message, undefined, undefined, () => sent()),
  environmentProxy: readProxyVariables(process.env).environmentProxy,
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  usage: () => {
    const { user, system } = process.cpuUsage();
    return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
  },
  leave: () => process.disconnect(),
});
process.on("message", (message: ToWorker) => worker.receive(message));
