import { createApp } from "../app.ts";
import { startRegistryThread } from "../demo/registry-thread.ts";
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

/**
 * Shows the proxy at work: registries, proxy and client in one process, a handful of pulls, and what was observed.
 * Resolves with the exit code: 1 if a pull was not observed exactly once.
 */
export async function demo({ once, version }: DemoOptions): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  const registries = await startRegistryThread();
  const log = new PullLog();
  const { config, origins } = await createDemoConfig(registries.upstreams);
  const app = createApp(config, { version, logger: createLogger({ destination: log }) });
  await app.start();
  try {
    const show = new DemoShow({ origins, log, signal: stop.signal, output: process.stdout });
    const isComplete = await show.pullAll();
    if (stop.signal.aborted) return EXIT_OK;
    await show.explain();
    if (once) return isComplete ? EXIT_OK : EXIT_FAILURE;
    await show.pullOn();
    return EXIT_OK;
  } finally {
    await app.stop();
    await registries.close();
  }
}
