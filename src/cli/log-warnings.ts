import type { Config } from "../config/config.ts";
import type { Logger } from "../log/logger.ts";
import { findWarnings } from "../wiring/warnings.ts";

/** What the configuration says, and its author seldom means: at the start, and with each that is taken over. */
export function logWarnings(config: Config, logger: Logger): void {
  for (const { message, about } of findWarnings(config)) logger.warn(message, { ...about });
}
