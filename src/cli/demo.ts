import { createApp } from "../app.ts";
import { startRegistryThread, type DemoUpstreams } from "../demo/registry-thread.ts";
import { createLogger } from "../log/logger.ts";
import { createDemoConfig } from "./demo-config.ts";
import { PullLog } from "./demo-pull-log.ts";
import { DemoShow } from "./demo-show.ts";

export interface DemoOptions {
  /** Ends after the report, in place of pulling on until Ctrl-C. */
  readonly once: boolean;
  readonly version: string;
}

const EXIT_OK = 0;
const EXIT_FAILURE = 1;
const EXIT_INTERRUPTED = 130;

/** 1 s: one Ctrl-C comes up to three times, from the terminal, from npm and from tools/run.mjs. */
const SAME_SIGNAL_MS = 1_000;

/**
 * Shows the proxy at work: registries, proxy and client in one process, a handful of pulls, and what was observed.
 * Resolves with the exit code: 1 if a pull was not observed exactly once.
 */
export async function demo(options: DemoOptions): Promise<number> {
  const signal = stopSignal();
  const registries = await startRegistryThread();
  try {
    return await demoBefore(registries.upstreams, options, signal);
  } finally {
    await registries.close();
  }
}

async function demoBefore(upstreams: DemoUpstreams, options: DemoOptions, signal: AbortSignal): Promise<number> {
  const log = new PullLog();
  const { config, origins } = await createDemoConfig(upstreams);
  const app = createApp(config, {
    version: options.version,
    nodeVersion: process.version,
    logger: createLogger({ destination: log }),
  });
  await app.start();
  try {
    const show = new DemoShow({ origins, log, signal, output: process.stdout });
    const isComplete = await show.pullAll();
    if (signal.aborted) return EXIT_OK;
    await show.explain();
    if (options.once) return isComplete ? EXIT_OK : EXIT_FAILURE;
    await show.pullOn();
    return EXIT_OK;
  } finally {
    await app.stop();
  }
}

/** Is aborted by the first Ctrl-C, or when nobody reads on; a second Ctrl-C ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  let firstMs = Infinity;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(EXIT_INTERRUPTED);
      if (!stop.signal.aborted) firstMs = performance.now();
      stop.abort();
    });
  }
  process.stdout.once("error", () => stop.abort());
  return stop.signal;
}
