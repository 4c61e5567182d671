import type { App } from "../app.ts";
import type { LoadedConfig } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import type { OwnedLogger } from "../log/logger.ts";
import { logWarnings } from "./log-warnings.ts";

export interface ReloaderOptions {
  readonly app: Pick<App, "reload">;
  readonly logger: OwnedLogger;
  readonly load: () => LoadedConfig;
  /** Those that the running configuration was read from. */
  readonly files: readonly string[];
  /** Told each time that the files were read. */
  readonly wasRead: () => void;
}

/** Reads the configuration again when it is told to, one time after the other, and tells the log what became of it. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #files: readonly string[];
  #last: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#files = options.files;
  }

  /** What the running configuration was read from. */
  get files(): readonly string[] {
    return this.#files;
  }

  /** `reason`: why, for the log. */
  reload(reason: string): void {
    this.#last = this.#reloadAfter(this.#last, reason);
  }

  /** Takes over nothing any more. */
  stop(): void {
    this.#isStopped = true;
  }

  async #reloadAfter(last: Promise<void>, reason: string): Promise<void> {
    await last;
    if (this.#isStopped) return;
    const { app, logger } = this.#options;
    try {
      const config = await app.reload(() => this.#load());
      logger.setLevel(config.log.level);
      logWarnings(config, logger);
      logger.info("configuration reloaded", { reason });
    } catch (error) {
      const detail = error instanceof ConfigError ? { problems: error.problems } : { error };
      logger.error("configuration not reloaded: the one before goes on", { reason, ...detail });
    }
  }

  #load(): LoadedConfig {
    const { load, wasRead } = this.#options;
    try {
      const loaded = load();
      this.#files = loaded.files;
      return loaded;
    } finally {
      wasRead();
    }
  }
}
