import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ENTRY = join(import.meta.dirname, "command-line.ts");

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

/** Runs the command line from source to its end. Nothing of this process's environment reaches it. */
export async function runCommand(
  args: readonly string[],
  environment: Environment = {},
  input = "",
): Promise<CommandResult> {
  const child = spawn(process.execPath, [ENTRY, ...args], { env: environment, stdio: ["pipe", "pipe", "pipe"] });
  // Most commands end without having read it.
  child.stdin.on("error", () => {}).end(input);
  const printed = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...printed };
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A command that runs until it is told to stop. */
export interface RunningCommand {
  readonly child: ChildProcess;
  /** Lines of its log so far. */
  readonly lines: readonly LogLine[];
  /** Resolves with the first line of the log with this message, past or future; rejects if the command ends before. */
  line(message: string): Promise<LogLine>;
  /** Resolves with the exit code after all output was read; null if a signal killed it. */
  readonly exited: Promise<number | null>;
  /** Kills it if it still runs. */
  kill(): Promise<void>;
}

/** Starts a command from source and reads its log from standard error. */
export function startCommand(args: readonly string[], environment: Environment = {}): RunningCommand {
  const child = spawn(process.execPath, [ENTRY, ...args], { env: environment, stdio: ["ignore", "ignore", "pipe"] });
  const lines: LogLine[] = [];
  const raw: string[] = [];
  const reader = createInterface(child.stderr);
  reader.on("line", (text) => {
    raw.push(text);
    const line = parseLine(text);
    if (line === undefined) return;
    lines.push(line);
    child.emit("log-line", line);
  });
  const exited = once(child, "close").then(([code]: (number | null)[]) => code ?? null);
  return {
    child,
    lines,
    exited,
    line: (message) => {
      const past = lines.find((line) => line.msg === message);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve, reject) => {
        child.on("log-line", (line: LogLine) => line.msg === message && resolve(line));
        child.on("close", () => reject(new Error(`ended before it logged "${message}":\n${raw.join("\n")}`)));
      });
    },
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

function parseLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}
