import type { Protection } from "../access/protection.ts";
import type { Address } from "./address.ts";
import type { EnvironmentProxy } from "./environment-proxy.ts";
import type { ProtectionFiles } from "./protection-files.ts";
import type { Settings } from "./schema.ts";

/** The settings with everything decided that depends on other settings, on files and on the environment. */
export interface Config extends Omit<Settings, "listeners" | "registries" | "traces" | "push" | "admin"> {
  readonly admin: Omit<Settings["admin"], "tls" | "auth"> & Protected;
  readonly listeners: readonly ListenerConfig[];
  /** By host[:port], lower-case. */
  readonly registries: ReadonlyMap<string, RegistryConfig>;
  readonly environmentProxy: EnvironmentProxy;
  readonly traces: {
    readonly endpoint?: URL | undefined;
    /** Content of `headersFile`: names and values alternate. */
    readonly headers: readonly string[];
  };
  readonly push: Omit<Settings["push"], "headersFile"> & { readonly headers: readonly string[] };
}

/** What of it decides about clients and upstreams. */
export type ServingConfig = Pick<
  Config,
  | "workers"
  | "listeners"
  | "registries"
  | "environmentProxy"
  | "timeouts"
  | "limits"
  | "headers"
  | "wellKnownRegistries"
  | "allowRegistries"
  | "verifyBlobs"
>;

/** A listener's files, if it has any, and what they said when the configuration was read. */
export interface Protected {
  readonly files?: ProtectionFiles;
  readonly protection?: Protection;
}

export interface ListenerConfig extends Protected {
  /** Unique. */
  readonly name: string;
  readonly address: Address;
  readonly registry?: string;
  readonly isolation?: string;
  readonly trigger?: NonNullable<Settings["trigger"]>;
  readonly allowPush: boolean;
  readonly peerIdentity: Settings["peerIdentity"];
  readonly tokens: "pass" | "relay";
}

type RegistrySettings = Settings["registries"][string];

export interface RegistryConfig extends Omit<RegistrySettings, "caFile"> {
  /** Content of `caFile`. */
  readonly ca?: string | undefined;
}

/** What settings do not hold themselves: content of files, and the proxies that the environment names. */
export interface Surroundings {
  readonly pems: ReadonlyMap<string, string>;
  readonly traceHeaders?: readonly string[];
  readonly pushHeaders?: readonly string[];
  /** Of each listener in order, and of the admin listener. */
  readonly protections?: { readonly listeners: readonly Protected[]; readonly admin: Protected };
  readonly environmentProxy: EnvironmentProxy;
}

export function toConfig(settings: Settings, surroundings: Surroundings): Config {
  const { pems, traceHeaders = [], pushHeaders = [], protections, environmentProxy } = surroundings;
  const { headersFile: _headersFile, ...push } = settings.push;
  const names = nameListeners(settings.listeners);
  const { tls: _tls, auth: _auth, ...admin } = settings.admin;
  return {
    ...settings,
    admin: { ...admin, ...protections?.admin },
    listeners: settings.listeners.map((listener, index) => ({
      ...toListener(listener, names[index] ?? "", settings),
      ...protections?.listeners[index],
    })),
    registries: new Map(
      Object.entries(settings.registries).map(([host, registry]) => [host, toRegistry(registry, pems.get(host))]),
    ),
    environmentProxy,
    traces: { endpoint: settings.traces.endpoint, headers: traceHeaders },
    push: { ...push, headers: pushHeaders },
  };
}

function toRegistry(registry: RegistrySettings, ca: string | undefined): RegistryConfig {
  const { caFile: _caFile, ...rest } = registry;
  return { ...rest, ca };
}

type ListenerSettings = Settings["listeners"][number];

/** Listeners without a name get that of their registry; where it is taken, with a number. */
function nameListeners(listeners: readonly ListenerSettings[]): readonly string[] {
  const taken = new Set(listeners.map((listener) => listener.name));
  return listeners.map(({ name, registry = "shared" }) => {
    if (name !== undefined) return name;
    let free = registry;
    for (let number = 2; taken.has(free); number += 1) free = `${registry}-${number}`;
    taken.add(free);
    return free;
  });
}

function toListener(listener: ListenerSettings, name: string, settings: Settings): ListenerConfig {
  const isolation = listener.isolation ?? settings.isolation;
  const trigger = listener.trigger ?? settings.trigger;
  return {
    name,
    address: listener.address,
    ...(listener.registry === undefined ? {} : { registry: listener.registry }),
    ...(isolation === undefined ? {} : { isolation }),
    ...(trigger === undefined ? {} : { trigger }),
    allowPush: listener.allowPush ?? settings.allowPush,
    peerIdentity: listener.peerIdentity ?? settings.peerIdentity,
    tokens: listener.tokens,
  };
}
