import { Credentials, type StoredCredentials } from "../access/credentials.ts";
import type { Protection, TlsMaterial } from "../access/protection.ts";
import type { ListenerConfig, RegistryConfig, ServingConfig } from "../config/config.ts";
import type { EnvironmentProxy } from "../config/environment-proxy.ts";

/**
 * What a worker needs of the configuration that runs, as it crosses to another process: no functions, no URLs. It is not
 * read again from files: these may be wrong, or wrong for now, when a worker must be started anew.
 */
export interface PackedConfig extends Omit<ServingConfig, "listeners" | "registries" | "environmentProxy"> {
  readonly listeners: readonly PackedListener[];
  readonly registries: ReadonlyMap<string, PackedRegistry>;
}

type PackedListener = Omit<ListenerConfig, "files" | "protection"> & { readonly protection?: PackedProtection };
type PackedRegistry = Omit<RegistryConfig, "upstream" | "proxy"> & {
  readonly upstream?: string;
  readonly proxy?: string;
};

export interface PackedProtection {
  readonly tls?: TlsMaterial;
  readonly credentials?: StoredCredentials;
}

export function packConfig(config: ServingConfig): PackedConfig {
  const { workers, timeouts, limits, headers, wellKnownRegistries, allowRegistries, verifyBlobs } = config;
  const listeners = config.listeners.map(packListener);
  const registries = new Map([...config.registries].map(([host, registry]) => [host, packRegistry(registry)]));
  return {
    workers,
    listeners,
    registries,
    timeouts,
    limits,
    headers,
    wellKnownRegistries,
    allowRegistries,
    verifyBlobs,
  };
}

/** `environmentProxy`: as the worker's environment says, which is that of the primary. */
export function unpackConfig(packed: PackedConfig, environmentProxy: EnvironmentProxy): ServingConfig {
  return {
    ...packed,
    listeners: packed.listeners.map(unpackListener),
    registries: new Map([...packed.registries].map(([host, registry]) => [host, unpackRegistry(registry)])),
    environmentProxy,
  };
}

export function packProtection({ tls, credentials }: Protection): PackedProtection {
  return { ...(tls && { tls }), ...(credentials && { credentials: credentials.stored }) };
}

export function unpackProtection({ tls, credentials }: PackedProtection): Protection {
  return { ...(tls && { tls }), ...(credentials && { credentials: Credentials.restore(credentials) }) };
}

function packListener({ files: _files, protection, ...listener }: ListenerConfig): PackedListener {
  return { ...listener, ...(protection && { protection: packProtection(protection) }) };
}

function unpackListener({ protection, ...listener }: PackedListener): ListenerConfig {
  return { ...listener, ...(protection && { protection: unpackProtection(protection) }) };
}

function packRegistry({ upstream, proxy, ...registry }: RegistryConfig): PackedRegistry {
  return { ...registry, ...(upstream && { upstream: upstream.href }), ...(proxy && { proxy: String(proxy) }) };
}

function unpackRegistry({ upstream, proxy, ...registry }: PackedRegistry): RegistryConfig {
  return {
    ...registry,
    ...(upstream !== undefined && { upstream: new URL(upstream) }),
    ...(proxy !== undefined && { proxy: proxy === "none" ? "none" : new URL(proxy) }),
  };
}
