import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, makeFolder, removeFolder, startDaemon } from "../support/clients/process.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/pullmeter.js", import.meta.url));

/** One line of the pull log, as far as tests ask. src/log/pull-record.ts has every field. */
export interface PullLine {
  readonly schema: string;
  readonly id: string;
  readonly isolation: string;
  readonly registry: string;
  readonly status: string;
  readonly on_disk: boolean;
  readonly has_creds: boolean;
  readonly trigger: string;
  readonly cause: string;
  readonly attempts: number;
  readonly joined: boolean;
  readonly repository: string;
  readonly reference: string;
  readonly start: string;
  readonly transfer_end: string;
  readonly duration_ms: number;
  readonly bytes: number;
  readonly layers_requested: number;
  readonly layers_on_disk?: number;
}

export interface Pullmeter {
  /** Every pull line so far. */
  pulls(): readonly PullLine[];
  /** Waits until at least `count` pulls of a repository were observed, and returns all of them, first to last. */
  observed(repository: string, count: number, timeoutMs?: number): Promise<readonly PullLine[]>;
  /** What /metrics says now. */
  metrics(): Promise<string>;
  readonly log: () => string;
  /** What /readyz says of it: serving, draining, lingering. */
  state(): Promise<string>;
  /** SIGTERM, and the exit code, however long it takes. */
  terminate(): Promise<number>;
  /** SIGTERM, SIGKILL 10 s later, and the exit code. */
  stop(): Promise<number>;
}

/** Starts the built program with a configuration file (`npm run build` first) and waits until it is ready. */
export async function startPullmeter(options: { config: string; adminPort: number }): Promise<Pullmeter> {
  const folder = await makeFolder("config");
  const file = join(folder, "pullmeter.yaml");
  await writeFile(file, options.config);
  const pulls: PullLine[] = [];
  const daemon = startDaemon(process.execPath, [PROGRAM, "serve", "--config", file], {}, (line) => {
    if (line.includes('"schema":"pullmeter.pull/')) pulls.push(JSON.parse(line) as PullLine);
  });
  const admin = `http://127.0.0.1:${options.adminPort}`;
  let exitCode: number | undefined;
  void daemon.exited.then((code) => (exitCode = code));
  await eventually("pullmeter is ready", async () => {
    if (exitCode !== undefined) throw new Error(`pullmeter serve exited with ${exitCode}:\n${daemon.log()}`);
    const response = await fetch(`${admin}/readyz`).catch(() => undefined);
    return response?.status === 200 ? true : undefined;
  });
  const observed = (repository: string): readonly PullLine[] => pulls.filter((pull) => pull.repository === repository);
  return {
    pulls: () => pulls,
    observed: async (repository, count, timeoutMs) => {
      const enough = async (): Promise<true | undefined> => (observed(repository).length >= count ? true : undefined);
      await eventually(`${count} pulls of ${repository} are observed`, enough, timeoutMs).catch((error: unknown) => {
        throw new Error(`${String(error)}; observed: ${JSON.stringify(observed(repository))}\n${daemon.log()}`);
      });
      return observed(repository);
    },
    metrics: async () => (await fetch(`${admin}/metrics`)).text(),
    log: daemon.log,
    state: async () => ((await (await fetch(`${admin}/readyz`)).json()) as { state: string }).state,
    terminate: async () => {
      process.kill(daemon.pid, "SIGTERM");
      return daemon.exited;
    },
    stop: async () => {
      const code = await daemon.stop();
      await removeFolder(folder);
      return code;
    },
  };
}

/** Below the ports that the kernel gives to outgoing connections (32768 on), so that none is taken between now and its use. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** Different loopback ports that nothing listens on. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (!(await listening)) return false;
  server.close();
  await once(server, "close");
  return true;
}
