import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { startDaemon } from "../../rig/daemon.ts";
import { freePorts } from "../../rig/free-ports.ts";
import type { Upstream } from "../../rig/upstream.ts";
import type { Candidate, Program, StartOptions } from "../program.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const PROGRAM = join(ROOT, "bin", "pullmeter.js");

/** The built program as it is shipped: tracker, metrics, and a log that goes to a file. */
export const pullmeter: Candidate = {
  name: "pullmeter",
  missing: () => undefined,
  start: (options) => startPullmeter(options),
};

/** What costs more when it is asked for, by the name of the program with it. */
const VARIANTS: Readonly<Record<string, object>> = {
  "pullmeter-2-workers": { workers: 2 },
  "pullmeter-verify": { verifyBlobs: 1 },
};

const WORKLOADS_OF_VARIANTS = new Set(["start", "idle", "blob-tls", "par6", "manifest-2k", "latency-1"]);

export const pullmeterVariants: readonly Candidate[] = Object.entries(VARIANTS).map(([name, settings]) => ({
  name,
  missing: () => undefined,
  excluded: (workload) => (WORKLOADS_OF_VARIANTS.has(workload) ? undefined : "not where it makes a difference"),
  start: (options) => startPullmeter(options, name, settings),
}));

export interface PullmeterProgram extends Program {
  readonly adminPort: number;
}

export async function startPullmeter(
  { folder, upstream }: StartOptions,
  name = "pullmeter",
  settings: object = {},
): Promise<PullmeterProgram> {
  const [tls = 0, plain = 0, adminPort = 0] = await freePorts(3);
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, stringify({ ...configuration(upstream, { tls, plain, adminPort }), ...settings }));
  const daemon = await startDaemon({
    command: [process.execPath, PROGRAM, "serve", "--config", file],
    logFile: join(folder, `${name}.log`),
    ports: [tls, plain],
  });
  return {
    name,
    version: (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version,
    ports: { tls, plain },
    adminPort,
    pids: [daemon.pid],
    startMs: daemon.startMs,
    stop: () => daemon.stop(),
  };
}

function configuration(
  upstream: Upstream,
  { tls, plain, adminPort }: { readonly tls: number; readonly plain: number; readonly adminPort: number },
): object {
  return {
    listeners: [
      { address: `127.0.0.1:${tls}`, registry: "tls.bench.example" },
      { address: `127.0.0.1:${plain}`, registry: "plain.bench.example" },
    ],
    registries: {
      "tls.bench.example": {
        upstream: `https://127.0.0.1:${upstream.tlsPort}`,
        caFile: upstream.certificate.certificate,
        allowPrivateAddresses: true,
      },
      "plain.bench.example": { upstream: `http://127.0.0.1:${upstream.plainPort}`, allowPrivateAddresses: true },
    },
    admin: { address: `127.0.0.1:${adminPort}` },
    timeouts: { drain: "1s" },
  };
}
