import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { NameTable } from "./resolver.ts";

const RESOLVER = join(import.meta.dirname, "resolver.ts");

export interface ProgramOptions {
  /** JavaScript or TypeScript that runs the command line. */
  readonly entry: string;
  /** Where to write the configuration. */
  readonly file: string;
  readonly config: object;
  readonly names: NameTable;
}

/** `pullmeter serve` in a process of its own. */
export interface Program {
  /** By the listener's name. */
  portOf(listener: string): number;
  /** What the admin listener answers. */
  read(path: string, accept?: string): Promise<string>;
  /** Its log so far. */
  log(): string;
  /** Stops it gracefully; resolves with the exit code, null if it had to be killed. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

/** 10 s for a process to start, or to stop: it takes one. */
const PATIENCE_MS = 10_000;

/** Resolves once it serves. */
export async function startProgram({ entry, file, config, names }: ProgramOptions): Promise<Program> {
  await writeFile(file, JSON.stringify(config));
  const child = spawn(process.execPath, [`--import=${RESOLVER}`, entry, "serve", "--config", file], {
    env: { NAME_TABLE: JSON.stringify(names) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "close").then(([code]: (number | null)[]) => code ?? null);
  let log = "";
  const serving = new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      const [, admin] = /"admin":"([^"]+)"[^\n]*"msg":"serving"/.exec(log) ?? [];
      if (admin !== undefined) resolve(admin);
    });
    child.on("close", () => reject(new Error(`it ended before it served:\n${log}`)));
  });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const admin = await serving.finally(() => clearTimeout(timer));
  return {
    portOf: (listener) => Number(new RegExp(`"listener":"${listener}","address":"[^"]*:(\\d+)"`).exec(log)?.[1]),
    read: async (path, accept = "*/*") => {
      const response = await fetch(`http://${admin}${path}`, { headers: { accept } });
      return Buffer.from(await response.arrayBuffer()).toString("latin1");
    },
    log: () => log,
    stop: async () => {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
      return exited.finally(() => clearTimeout(late));
    },
    kill,
  };
}
