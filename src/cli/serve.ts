import { extname, join } from "node:path";
import { createApp, type App, type Started } from "../app.ts";
import { formatAddress } from "../config/address.ts";
import type { Config } from "../config/config.ts";
import type { LoadedConfig } from "../config/load.ts";
import { createLogger, type Logger } from "../log/logger.ts";
import { logWarnings } from "./log-warnings.ts";
import { Reloader } from "./reloader.ts";
import { watchFiles } from "./watch-files.ts";

const EXIT_OK = 0;
const EXIT_FAILURE = 1;

/** Exit code of a process that a signal ended, as shells tell it: 128 + number. */
const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;

/** From source and as it was built. */
const WORKER_SUPPORT = {
  program: join(import.meta.dirname, `worker-main${extname(import.meta.filename)}`),
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
};

export interface ServeOptions {
  /** Reads the configuration again. Throws ConfigError. */
  readonly load: () => LoadedConfig;
  readonly version: string;
}

/** Serves until a signal comes. Resolves with the exit code. */
export async function serve(loaded: LoadedConfig, { load, version }: ServeOptions): Promise<number> {
  const { config } = loaded;
  const logger = createLogger({ level: config.log.level });
  const app = createApp(config, { version, nodeVersion: process.version, logger, workerSupport: WORKER_SUPPORT });
  exitOnMistakes(logger);
  const signal = firstSignal();
  try {
    announce(await app.start(), { config, logger, version });
  } catch (error) {
    logger.error(error instanceof Error ? error.message : String(error));
    await logger.flush();
    return EXIT_FAILURE;
  }
  const reloader = new Reloader({ app, logger, load, files: loaded.files, wasRead: () => watch.accept() });
  process.on("SIGHUP", () => reloader.reload("SIGHUP"));
  const watch = watchFiles(
    () => reloader.files,
    () => reloader.reload("file change"),
  );
  const first = await signal;
  watch.stop();
  reloader.stop();
  return stop(app, logger, first);
}

/** 100 ms: what is sent to a whole group of processes reaches each of them, and launchers such as npm pass it on again. */
const SAME_SIGNAL_MS = 100;

/** Resolves with the first signal that asks to stop; the second ends the process at once. */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (firstMs === undefined) {
          firstMs = performance.now();
          resolve(signal);
        } else if (performance.now() - firstMs > SAME_SIGNAL_MS) {
          process.exit(EXIT_BY_SIGNAL[signal]);
        }
      });
    }
  });
}

async function stop(app: App, logger: Logger, signal: NodeJS.Signals): Promise<number> {
  logger.info("stopping: pulls under way may finish, a second signal stops at once", { signal });
  await app.stop();
  logger.info("stopped");
  await logger.flush();
  return EXIT_OK;
}

/** A mistake in the program leaves it in an unknown state: it says so and ends, and whoever runs it starts it again. */
function exitOnMistakes(logger: Logger): void {
  const end = async (error: Error): Promise<never> => {
    logger.error("uncaught exception", { error });
    await logger.flush();
    return process.exit(EXIT_FAILURE);
  };
  process.on("uncaughtException", (error) => void end(error));
}

function announce(
  started: Started,
  { config, logger, version }: { config: Config; logger: Logger; version: string },
): void {
  logWarnings(config, logger);
  for (const [index, bound] of started.listeners.entries()) {
    const registry = config.listeners[index]?.registry ?? "named by requests";
    logger.info("listening", { listener: bound.name, address: formatAddress(bound), registry });
  }
  logger.info("serving", { version, admin: formatAddress(started.admin), node: process.version });
}
