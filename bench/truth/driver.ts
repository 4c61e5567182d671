import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, Mirror, PullOptions, PullResult } from "../../test/support/clients/client.ts";
import { startContainerd } from "../../test/support/clients/containerd.ts";
import { createPodman } from "../../test/support/clients/podman.ts";
import type { Release } from "../../test/support/clients/programs.ts";
import { aliasOf, ByProcess, ByRegistryName, ByTraceparent, traceparentOf } from "./attribution.ts";
import type { ProxyListener } from "./proxy-process.ts";
import { ACCOUNT, REGISTRIES, REGISTRY_KEYS, WRONG_ACCOUNT, type RegistryKey } from "./registries.ts";
import type { PlannedPull } from "./schedule.ts";
import { containerdContent, containersStorage, type ReadStore } from "./store.ts";
import type { Attribution } from "./tap.ts";

/** One kind of client: how it is pointed at the proxy, how its pulls are told apart, how it pulls. */
export interface Driver {
  readonly client: Client;
  /** Pulls wait for each other's downloads. */
  readonly daemon: boolean;
  readonly layers: ReadStore;
  imageName(plan: PlannedPull): string;
  pull(plan: PlannedPull, signal: AbortSignal): Promise<PullResult>;
}

export interface DriverOptions {
  readonly release: Release;
  /** Where the client keeps everything. */
  readonly folder: string;
  /** Port for clients of each of the proxy's listeners. */
  readonly ports: Readonly<Record<string, number>>;
  /** Origin to which clients turn when the mirror fails. */
  readonly fallback: string;
  readonly pulls: readonly PlannedPull[];
  readonly attribution: Attribution;
}

export type ClientKind = "podman" | "containerd";

/** podman asks `GET /v2/` without naming a registry, so each has a listener; containerd names it in each request. */
export function listenersFor(kind: ClientKind): ProxyListener[] {
  if (kind === "containerd") return [{ name: "shared" }];
  return REGISTRY_KEYS.map((name) => {
    const { host, isolation, trigger } = REGISTRIES[name];
    return { name, registry: host, isolation, trigger };
  });
}

/** 1.6 passes no trace on: there a pull is known by the name it uses for the registry. */
function usesAliases(release: Release): boolean {
  return release === "bookworm";
}

export function attributionFor(kind: ClientKind, release: Release, { strongKey }: { strongKey: boolean }): Attribution {
  if (kind === "podman") return new ByProcess();
  return usesAliases(release) ? new ByRegistryName() : new ByTraceparent({ keep: strongKey });
}

export async function startDriver(kind: ClientKind, options: DriverOptions): Promise<Driver> {
  return kind === "podman" ? startPodman(options) : startContainerdDriver(options);
}

async function startPodman(options: DriverOptions): Promise<Driver> {
  const mirrors = REGISTRY_KEYS.map((name) => ({
    registry: REGISTRIES[name].host,
    url: `http://127.0.0.1:${options.ports[name]}`,
    upstream: options.fallback,
  }));
  const client = await createPodman({ release: options.release, mirrors });
  const mirror = `127.0.0.1:${options.ports["private"]}`;
  const authFiles = {
    right: writeAuthFile(options.folder, mirror, ACCOUNT),
    wrong: writeAuthFile(options.folder, mirror, WRONG_ACCOUNT),
  };
  const { attribution } = options;
  return {
    client,
    daemon: false,
    layers: containersStorage(clientFolder(options.folder, "pm-podman-")),
    imageName,
    pull: async (plan, signal) => {
      const authFile = plan.credentials === "none" ? {} : { authFile: authFiles[plan.credentials] };
      let pid: number | undefined;
      const onSpawn = (spawned: number): void => {
        pid = spawned;
        attribution.started?.(spawned, plan.id);
      };
      try {
        return await client.pull(imageName(plan), { ...authFile, signal, onSpawn });
      } finally {
        if (pid !== undefined) attribution.ended?.(pid);
      }
    },
  };
}

async function startContainerdDriver(options: DriverOptions): Promise<Driver> {
  const aliases = usesAliases(options.release);
  const names = aliases
    ? options.pulls.map(({ id, registry }) => ({ key: registry, host: aliasOf(id, REGISTRIES[registry].host) }))
    : [];
  const plain = REGISTRY_KEYS.map((key) => ({ key, host: REGISTRIES[key].host }));
  const mirrors = [...plain, ...names].map(({ key, host }) => containerdMirror(key, host, options));
  const client = await startContainerd({ release: options.release, mirrors, tracing: !aliases });
  const nameOf = (plan: PlannedPull): string => (aliases ? `p${plan.id}.${imageName(plan)}` : imageName(plan));
  return {
    client,
    daemon: true,
    layers: containerdContent(clientFolder(options.folder, "pm-ctrd-")),
    imageName: nameOf,
    pull: async (plan, signal) =>
      client.pull(nameOf(plan), { ...criCredentials(plan), traceparent: traceparentOf(plan.id), signal }),
  };
}

function containerdMirror(key: RegistryKey, host: string, { ports, fallback }: DriverOptions): Mirror {
  const { isolation, trigger } = REGISTRIES[key];
  return {
    registry: host,
    url: `http://127.0.0.1:${ports[key] ?? ports["shared"]}`,
    upstream: fallback,
    headers: { "x-pullmeter-isolation": isolation, "x-pullmeter-trigger": trigger },
  };
}

function criCredentials({ credentials }: PlannedPull): PullOptions {
  if (credentials === "none") return {};
  const { user, password } = credentials === "right" ? ACCOUNT : WRONG_ACCOUNT;
  return { credentials: { username: user, password } };
}

function imageName({ registry, repository, reference }: PlannedPull): string {
  return `${REGISTRIES[registry].host}/${repository}${reference.startsWith("sha256:") ? "@" : ":"}${reference}`;
}

function writeAuthFile(folder: string, mirror: string, { user, password }: { user: string; password: string }): string {
  const file = join(folder, `auth-${password}.json`);
  const auth = Buffer.from(`${user}:${password}`).toString("base64");
  writeFileSync(file, JSON.stringify({ auths: { [mirror]: { auth } } }), { mode: 0o600 });
  return file;
}

function clientFolder(folder: string, prefix: string): string {
  const name = readdirSync(folder).find((entry) => entry.startsWith(prefix));
  if (name === undefined) throw new Error(`no ${prefix}* in ${folder}`);
  return join(folder, name);
}
