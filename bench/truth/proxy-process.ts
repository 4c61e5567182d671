import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";

const PROGRAM = join(import.meta.dirname, "..", "..", "bin", "pullmeter.js");

export interface ProxyListener {
  readonly name: string;
  /** Absent: requests name the registry. */
  readonly registry?: string;
  readonly isolation?: string;
  readonly trigger?: string;
}

export interface ProxySettings {
  readonly listeners: readonly ProxyListener[];
  /** Upstream of each registry. */
  readonly upstreams: Readonly<Record<string, URL>>;
  readonly peerIdentity: "none" | "proc";
  /** Further keys of the configuration file. */
  readonly further?: Readonly<Record<string, unknown>>;
  /** Further environment of the process, as `NODE_OPTIONS`. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The built program, `pullmeter serve`, in a process of its own. */
export class ProxyProcess {
  readonly ports: Readonly<Record<string, number>>;
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #adminPort: number;

  private constructor(parts: {
    child: ChildProcess;
    logFile: string;
    adminPort: number;
    ports: Record<string, number>;
  }) {
    this.#child = parts.child;
    this.#logFile = parts.logFile;
    this.#adminPort = parts.adminPort;
    this.ports = parts.ports;
  }

  static async start(folder: string, settings: ProxySettings): Promise<ProxyProcess> {
    const [adminPort = 0, ...listenerPorts] = await freePorts(1 + settings.listeners.length);
    const ports: Record<string, number> = {};
    for (const [i, { name }] of settings.listeners.entries()) ports[name] = listenerPorts[i] ?? 0;
    const file = join(folder, "pullmeter.yaml");
    writeFileSync(file, stringify(configuration(settings, ports, adminPort)));
    const logFile = join(folder, "pullmeter.log");
    const log = openSync(logFile, "w");
    // The kernel ends the program when this process is gone, however it went.
    const command = ["--pdeathsig", "KILL", "--", process.execPath, PROGRAM, "serve", "--config", file];
    // Settings come from the file alone.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PULLMETER_")));
    const child = spawn("setpriv", command, { stdio: ["ignore", log, log], env: { ...env, ...settings.environment } });
    closeSync(log);
    const proxy = new ProxyProcess({ child, logFile, adminPort, ports });
    await proxy.#ready();
    return proxy;
  }

  /** Lines of its log so far, parsed; what is no JSON is passed over. */
  logLines(): Record<string, unknown>[] {
    return this.log()
      .split("\n")
      .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Record<string, unknown>] : []));
  }

  log(): string {
    return readFileSync(this.#logFile, "utf8");
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** False once it ended, however it did. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Whether it says that it lives, within the time given. */
  async lives(timeoutMs: number): Promise<boolean> {
    const answer = fetch(`http://127.0.0.1:${this.#adminPort}/livez`, { signal: AbortSignal.timeout(timeoutMs) });
    return answer.then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async metrics(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.#adminPort}/metrics`);
    if (!response.ok) throw new Error(`/metrics: ${response.status} ${await response.text()}`);
    return response.text();
  }

  /** SIGTERM; returns the exit code. */
  async stop(): Promise<number | null> {
    if (!this.isRunning) return this.#child.exitCode;
    this.#child.kill("SIGTERM");
    const force = setTimeout(() => this.#child.kill("SIGKILL"), 40_000);
    await once(this.#child, "exit");
    clearTimeout(force);
    return this.#child.exitCode;
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (performance.now() < deadline) {
      if (this.#child.exitCode !== null) break;
      const ready = await fetch(`http://127.0.0.1:${this.#adminPort}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (ready) return;
      await delay(50);
    }
    throw new Error(`pullmeter serve is not ready:\n${readFileSync(this.#logFile, "utf8")}`);
  }
}

function configuration(
  { listeners, upstreams, peerIdentity, further }: ProxySettings,
  ports: Record<string, number>,
  adminPort: number,
): object {
  return {
    listeners: listeners.map((listener) => ({ ...listener, address: `127.0.0.1:${ports[listener.name]}` })),
    registries: Object.fromEntries(
      Object.entries(upstreams).map(([host, origin]) => [host, { upstream: origin.origin }]),
    ),
    admin: { address: `127.0.0.1:${adminPort}` },
    peerIdentity,
    ...further,
  };
}

/** Free at this moment, and distinct: the configuration must name ports that clients are told before. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map(async (server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async (server) => once(server.close(), "close")));
  return ports;
}
