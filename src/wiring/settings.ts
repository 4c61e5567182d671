import type { Config, ServingConfig } from "../config/config.ts";
import { createFindRegistry } from "../config/find-registry.ts";
import { registryLabel } from "../label/registry-label.ts";
import type { Listener } from "../proxy/listener.ts";
import type { ProxyRules, ProxySettings } from "../proxy/proxy.ts";
import type { TrackerSettings } from "../pull/settings.ts";

// What the configuration says, in the words of those who act on it.

/** What has no registrable domain has a label that is no domain either, in brackets. */
function domainOf(host: string): string | undefined {
  const label = registryLabel(host);
  return label.startsWith("[") ? undefined : label;
}

export function toProxyRules(config: ServingConfig): ProxyRules {
  return {
    listeners: config.listeners.map(toListener),
    findUpstream: createFindRegistry(config),
    settings: toProxySettings(config),
    ...(relaysTokens(config) && { tokenRelay: { domainOf } }),
  };
}

function toListener({ address, ...listener }: Config["listeners"][number]): Listener {
  return { ...listener, ...address };
}

export function toProxySettings({
  timeouts,
  limits,
  headers,
}: Pick<Config, "timeouts" | "limits" | "headers">): ProxySettings {
  return {
    connectTimeoutMs: timeouts.connect,
    tlsTimeoutMs: timeouts.tls,
    headTimeoutMs: timeouts.header,
    answerTimeoutMs: timeouts.answer,
    resumeTimeoutMs: timeouts.resume,
    stallTimeoutMs: timeouts.stall,
    clientHeadTimeoutMs: timeouts.clientHeader,
    clientBodyTimeoutMs: timeouts.clientBody,
    maxConnections: limits.connections,
    maxTransfers: limits.transfers,
    keepAliveTimeoutMs: timeouts.keepAlive,
    maxHeadBytes: limits.headerBytes,
    labelHeaders: headers,
  };
}

function relaysTokens({ listeners, registries }: ServingConfig): boolean {
  return [...listeners, ...registries.values()].some(({ tokens }) => tokens === "relay");
}

export function toTrackerSettings(tracker: Config["tracker"]): Partial<TrackerSettings> {
  return {
    daemonSettleMs: tracker.daemonSettle,
    processSettleMs: tracker.processSettle,
    keepAliveSettleMs: tracker.keepAliveSettle,
    failedSettleMs: tracker.failedSettle,
    pullRetryWaitMs: tracker.pullRetryWait,
    dockerRetryWaitMs: tracker.dockerRetryWait,
    rateLimitedWaitMs: tracker.rateLimitedWait,
    settleCapMs: tracker.settleCap,
    transferCapMs: tracker.transferCap,
    maxPulls: tracker.maxPulls,
    maxManifests: tracker.maxManifests,
  };
}
