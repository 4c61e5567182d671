import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface Daemon {
  readonly pid: number;
  /** From spawn to the first accepted connection. */
  readonly startMs: number;
  /** SIGTERM, and SIGKILL 10 s later. */
  stop(): Promise<void>;
}

export interface DaemonCommand {
  readonly command: readonly [program: string, ...parameters: string[]];
  /** Takes standard output and error. */
  readonly logFile: string;
  /** On 127.0.0.1; it is up when all of them accept. */
  readonly ports: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
}

const UP_WITHIN_MS = 20_000;

/** 2 ms: finer than any start that is compared, and still far from busy waiting. */
const POLL_MS = 2;

/** Starts a program that listens, and waits until it does. The kernel ends it when this process is gone. */
export async function startDaemon({ command, logFile, ports, env = {} }: DaemonCommand): Promise<Daemon> {
  const log = openSync(logFile, "w");
  const startedAt = performance.now();
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], {
    stdio: ["ignore", log, log],
    env: { ...ownEnvironment(), ...env },
  });
  closeSync(log);
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  try {
    await Promise.race([failed, untilAllAccept(child, ports)]);
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`${command[0]} did not start:\n${readFileSync(logFile, "utf8").slice(-2_000)}`, { cause: error });
  }
  return { pid: child.pid ?? 0, startMs: performance.now() - startedAt, stop: () => stop(child) };
}

/** Settings of the programs come from their files alone. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^PULLMETER_|_proxy$/i.test(name)));
}

async function untilAllAccept(child: ChildProcess, ports: readonly number[]): Promise<void> {
  const deadline = performance.now() + UP_WITHIN_MS;
  for (const port of ports) {
    while (!(await accepts(port))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`exit code ${child.exitCode}`);
      if (performance.now() > deadline) throw new Error(`port ${port} does not accept connections`);
      await delay(POLL_MS);
    }
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await once(child, "exit");
  clearTimeout(force);
}
