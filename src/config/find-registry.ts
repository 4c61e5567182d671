import type { RegistryConfig, ServingConfig } from "./config.ts";
import { parseRegistryPattern } from "./registry-pattern.ts";
import { findWellKnown } from "./well-known.ts";

/** How to reach one registry, everything decided. */
export interface ReachableRegistry {
  /** host[:port] as clients name it, lower-case. */
  readonly registry: string;
  readonly origin: URL;
  /** PEM certificates trusted beside the system's. */
  readonly ca?: string;
  readonly proxy?: URL;
  readonly redirects: "follow" | "pass";
  readonly allowPrivateAddresses: boolean;
  /** Hosts, without port, to which redirects may lead although their addresses are private. */
  readonly privateRedirectHosts: readonly string[];
  /** Share of blobs whose bytes are compared with their digest, 0 to 1. */
  readonly verifyBlobs: number;
  readonly tokens: "pass" | "relay";
  /** Hosts, without port, where its token service may be beside its own domain. */
  readonly tokenHosts: readonly string[];
}

/** 1,000 registries: far more than a machine pulls from; with `*` allowed, clients could name any number. */
const MAX_KNOWN = 1000;

/**
 * Decides which registries may be reached, and how: those of `registries` and `listeners`, then the built-in list, then
 * `allowRegistries`. The function that it returns takes host[:port] in lower case; undefined means no.
 */
export function createFindRegistry(config: ServingConfig): (registry: string) => ReachableRegistry | undefined {
  const ofListeners = new Set(config.listeners.map((listener) => listener.registry));
  const patterns = config.allowRegistries.map(parseRegistryPattern).filter((pattern) => pattern !== undefined);
  const known = new Map<string, ReachableRegistry>();

  function isAllowed(registry: string): boolean {
    if (config.registries.has(registry) || ofListeners.has(registry)) return true;
    if (config.wellKnownRegistries && findWellKnown(registry) !== undefined) return true;
    return patterns.some((matches) => matches(registry));
  }

  return (registry) => {
    const found = known.get(registry);
    if (found !== undefined) return found;
    if (!isAllowed(registry)) return undefined;
    const reachable = toReachable(registry, config);
    if (reachable !== undefined && known.size < MAX_KNOWN) known.set(registry, reachable);
    return reachable;
  };
}

const UNCONFIGURED: RegistryConfig = {
  redirects: "follow",
  privateRedirectHosts: [],
  tokens: "pass",
  tokenHosts: [],
};

function toReachable(registry: string, config: ServingConfig): ReachableRegistry | undefined {
  const settings: RegistryConfig = config.registries.get(registry) ?? UNCONFIGURED;
  const origin = settings.upstream ?? defaultOrigin(registry);
  if (origin === undefined) return undefined;
  const proxy = settings.proxy === "none" ? undefined : (settings.proxy ?? config.environmentProxy(origin));
  return {
    registry,
    origin,
    redirects: settings.redirects,
    privateRedirectHosts: settings.privateRedirectHosts,
    verifyBlobs: settings.verifyBlobs ?? config.verifyBlobs,
    tokens: settings.tokens,
    tokenHosts: settings.tokenHosts,
    allowPrivateAddresses: settings.allowPrivateAddresses ?? settings.upstream !== undefined,
    ...(settings.ca === undefined ? {} : { ca: settings.ca }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

/** Where a registry is, its name alone known. Its name for the list is one thing, its host another: docker.io. */
function defaultOrigin(registry: string): URL | undefined {
  const url = findWellKnown(registry)?.upstream ?? `https://${registry}`;
  return URL.canParse(url) ? new URL(url) : undefined;
}
