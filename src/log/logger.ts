import { pino } from "pino";
import { LineWriter } from "./line-writer.ts";
import { redactText, redactValue } from "./redact.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** Writes JSON lines. No method throws or waits, whatever becomes of the destination; no secret passes. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Resolves when all lines are written, or after a second if nobody takes them. To be awaited before exit. */
  flush(): Promise<void>;
}

/** The logger as its owner has it. */
export interface OwnedLogger extends Logger {
  setLevel(level: LogLevel): void;
}

export interface LoggerOptions {
  /** Default: info. */
  readonly level?: LogLevel;
  /** Default: standard error. */
  readonly destination?: { write(line: string): void; flush?(timeoutMs: number): Promise<void> };
}

/** One second: a reader that is alive takes everything in it. */
const FLUSH_TIMEOUT_MS = 1000;

const STDERR = 2;

export function createLogger(options: LoggerOptions = {}): OwnedLogger {
  const destination = options.destination ?? new LineWriter(STDERR);
  const lines = pino(
    {
      level: options.level ?? "info",
      base: null,
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    destination,
  );
  const log =
    (level: Exclude<LogLevel, "silent">) =>
    (message: string, fields: LogFields = {}) => {
      if (lines.isLevelEnabled(level)) lines[level](redactValue(fields), redactText(message));
    };
  return {
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
    setLevel: (level) => {
      lines.level = level;
    },
    flush: async () => destination.flush?.(FLUSH_TIMEOUT_MS),
  };
}
