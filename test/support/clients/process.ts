import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { nowMs, type PullOptions, type PullResult } from "./client.ts";

/** Enough of a program's output to explain a failure, in characters. */
const LOG_CHARACTERS = 20_000;

export interface Exit {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly pid: number;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Aborting sends SIGKILL. */
  readonly signal?: AbortSignal | undefined;
  readonly onSpawn?: ((pid: number) => void) | undefined;
}

/** Runs a program to its end. Never rejects for what the program did: the exit code tells. */
export async function run(path: string, args: readonly string[], options: RunOptions = {}): Promise<Exit> {
  const child = spawn(path, args, { env: environment(options.env), stdio: ["ignore", "pipe", "pipe"] });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const kill = (): void => void child.kill("SIGKILL");
  if (child.pid !== undefined) options.onSpawn?.(child.pid);
  options.signal?.addEventListener("abort", kill);
  if (options.signal?.aborted === true) kill();
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    const exitCode = code ?? 128 + constants.signals[signal ?? "SIGKILL"];
    return { exitCode, stdout: stdout(), stderr: stderr(), pid: child.pid ?? 0 };
  } finally {
    options.signal?.removeEventListener("abort", kill);
  }
}

/** Runs a program that must succeed, and returns what it printed on stdout. */
export async function runOk(path: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const exit = await run(path, args, options);
  if (exit.exitCode !== 0) throw new Error(`${path} ${args.join(" ")}: exit ${exit.exitCode}\n${exit.stderr}`);
  return exit.stdout;
}

/** Runs a program whose whole life is one pull. */
export async function runPull(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options: PullOptions,
): Promise<PullResult> {
  const startMs = nowMs();
  const exit = await run(path, args, { env, signal: options.signal, onSpawn: options.onSpawn });
  const error = exit.exitCode === 0 ? "" : exit.stderr.trim();
  return { exitCode: exit.exitCode, error, startMs, endMs: nowMs(), pid: exit.pid };
}

/** A program that runs until it is stopped. */
export interface Daemon {
  readonly pid: number;
  /** The end of what it printed. */
  readonly log: () => string;
  /** Waits until it printed something that matches. Rejects if it exits first, or after 30 s. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit code (128 + signal) once it is gone. */
  readonly exited: Promise<number>;
  /** SIGTERM, and SIGKILL 10 s later. */
  stop(): Promise<number>;
}

export function startDaemon(
  path: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
  onLine?: (line: string) => void,
): Daemon {
  // The kernel ends the daemon when this process is gone, however it went. setpriv executes the program in its own place.
  const command = ["--pdeathsig", "KILL", "--", path, ...args];
  const child = spawn("setpriv", command, { env: environment(env), stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-LOG_CHARACTERS);
    });
    if (onLine) createInterface(stream).on("line", onLine);
  }
  const exited = exitOf(child);
  return {
    pid: child.pid ?? 0,
    log: () => log,
    exited,
    printed: (pattern) =>
      eventually(`${path} prints ${String(pattern)}`, async () => {
        const match = pattern.exec(log);
        if (match) return match;
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${path} exited:\n${log}`);
        return undefined;
      }),
    stop: async () => {
      child.kill("SIGTERM");
      const force = setTimeout(() => child.kill("SIGKILL"), 10_000);
      const code = await exited;
      clearTimeout(force);
      return code;
    },
  };
}

/** The exit code once the program is gone; 127 if it could not be started, as a shell says it. */
async function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("error", () => resolve(127));
    child.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]));
  });
}

/** Asks every 20 ms until there is an answer: for conditions of another process that announces nothing. Gives up after 30 s. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, timeoutMs = 30_000): Promise<T> {
  const deadline = nowMs() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (nowMs() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await delay(20);
  }
}

/** A folder for one instance. The name is short: a unix socket's path has at most 107 characters. */
export async function makeFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `pm-${name}-`));
}

/** Unmounts what a client left mounted below the folder (overlay stores do), deepest first, then removes it. */
export async function removeFolder(folder: string): Promise<void> {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`));
  for (const path of mounts.toReversed()) spawnSync("umount", ["--lazy", path]);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** The caller's environment without its proxy settings, and with what is given. */
function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(https?|no|all)_proxy$/i.test(name));
  return { ...Object.fromEntries(own), ...extra };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-LOG_CHARACTERS);
  });
  return () => text;
}
