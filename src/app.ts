import { randomBytes } from "node:crypto";
import type { Protection } from "./access/protection.ts";
import { AdminServer, type Readiness } from "./admin/server.ts";
import { createPullsView, type PullsView } from "./admin/pulls-view.ts";
import { createUnreachableView } from "./admin/unreachable-view.ts";
import { formatAddress, type Address } from "./config/address.ts";
import type { Config } from "./config/config.ts";
import { createFindRegistry } from "./config/find-registry.ts";
import { toMetricsOptions } from "./config/metrics-options.ts";
import { registryLabel } from "./label/registry-label.ts";
import { logExchanges } from "./log/observe-exchanges.ts";
import { logPulls } from "./log/observe.ts";
import type { Logger } from "./log/logger.ts";
import { createMetrics, type Metrics } from "./metrics/create-metrics.ts";
import { exposeMetrics } from "./metrics/exposition.ts";
import { observePulls } from "./metrics/observe-pulls.ts";
import { observeTransfers } from "./metrics/observe-transfers.ts";
import { observeUpstreams } from "./metrics/observe-upstreams.ts";
import { ProtectionReload, type ProtectedListener } from "./config/protection-reload.ts";
import type { BoundListener, Listener } from "./proxy/listener.ts";
import { createProxy, type Proxy, type ProxySettings } from "./proxy/server.ts";
import { joinObservers } from "./pull/join-observers.ts";
import type { TransferEvent } from "./pull/transfer-event.ts";
import type { TrackerSettings } from "./pull/settings.ts";
import type { PullObserver } from "./pull/pull-event.ts";
import { PullTracker } from "./pull/tracker.ts";

/** Everything joined: the data plane, the tracker, and all who watch them. */
export interface App {
  /** Binds every address, or none. Rejects with a message for the operator that names the setting. */
  start(): Promise<Started>;
  /** Reads certificates, keys and credentials of listeners again; what cannot be used leaves its listener as it is. */
  reloadFiles(): void;
  /** Stops gracefully: lets running transfers finish for the drain time, and observes every open pull. */
  stop(): Promise<void>;
}

/** The addresses that were bound; where the configuration says port 0, these tell the port. */
export interface Started {
  readonly listeners: readonly BoundListener[];
  readonly admin: Address;
}

export interface AppDependencies {
  readonly version: string;
  /** Of Node.js, for the metrics. */
  readonly nodeVersion?: string;
  readonly logger: Logger;
}

/** 250 ms: the tracker decides as late as this after the fact. Its observations are backdated all the same. */
const TICK_MS = 250;

/** 5 s: how late a changed certificate or password is noticed. */
const FILES_TICK_MS = 5_000;

/** 3 s for the last spans: with the default drain below the 30 s that Kubernetes waits before it kills. */
const TRACES_STOP_MS = 3_000;

/** Milliseconds since the epoch that never step back. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

export function createApp(config: Config, { version, nodeVersion = "", logger }: AppDependencies): App {
  const metrics = createMetrics({ version, nodeVersion, ...toMetricsOptions(config) });
  const failed = createMistakeTeller(metrics, logger);
  const configured = new Set(toMetricsOptions(config).registries);
  const view = createPullsView({ live: () => tracker.live(), keep: config.admin.finishedPullsKept, now, configured });
  const unreachable = createUnreachableView();
  const tracker = new PullTracker({
    report: joinObservers(
      [observePulls(metrics), logPulls(logger, configured), view.observe, (event) => traces?.observe(event)],
      failed,
    ),
    settings: toTrackerSettings(config.tracker),
    idSuffix: randomBytes(2).toString("hex"),
  });
  const watchers = [observeTransfers(metrics), observeUpstreams(metrics), logExchanges(logger)];
  const track = (event: TransferEvent): void => tracker.observe(event);
  const advance = joinObservers([(nowMs: number) => tracker.advance(nowMs), watchAge(metrics, tracker)], failed);
  const proxy = createProxy({
    listeners: config.listeners.map(toListener),
    findUpstream: createFindRegistry(config),
    observe: joinObservers([track, ...watchers, unreachable.observe], failed),
    now,
    settings: toProxySettings(config),
    ...(relaysTokens(config) && { tokenRelay: { domainOf } }),
  });
  let state: "starting" | "serving" | "draining" = "starting";
  const readiness = (): Readiness => ({
    ready: state === "serving",
    details: { state, unreachable: unreachable.hosts() },
  });
  const admin = createAdmin(config, { metrics, pulls: view, readiness, logger });
  const files = createReload(listProtected(config, proxy, admin), logger);
  let traces: Traces | undefined;
  let tickers: NodeJS.Timeout[] = [];
  let stopped: Promise<void> | undefined;

  async function start(): Promise<Started> {
    traces = await openTraces(config, version, (pulls) => metrics.tracesDropped.inc(pulls));
    const adminPort = await bindAdmin(admin, config);
    const listeners = await proxy.listen().catch(async (error: unknown) => {
      await admin.close();
      throw toBindError(error, config);
    });
    tickers = [
      setInterval(() => advance(now()), TICK_MS).unref(),
      setInterval(() => files.reloadIfChanged(), FILES_TICK_MS).unref(),
    ];
    state = "serving";
    return { listeners, admin: { host: config.admin.address.host, port: adminPort } };
  }

  // Those who watch close last: the end of the last pull is seen, and a last scrape is answered.
  async function stop(): Promise<void> {
    state = "draining";
    await proxy.drain(config.timeouts.drain);
    for (const ticker of tickers) clearInterval(ticker);
    joinObservers([(nowMs: number) => tracker.flush(nowMs)], failed)(now());
    await traces?.stop(TRACES_STOP_MS);
    await admin.close();
    await logger.flush();
  }

  return { start, reloadFiles: () => files.reload(), stop: () => (stopped ??= stop()) };
}

function watchAge(metrics: Metrics, tracker: PullTracker): (nowMs: number) => void {
  return (nowMs) => metrics.oldestPullAge.set((nowMs - (tracker.oldestStartMs() ?? nowMs)) / 1000);
}

interface Traces {
  readonly observe: PullObserver;
  stop(timeoutMs: number): Promise<void>;
}

/** Loads what sends traces only where somebody takes them. */
async function openTraces(
  config: Config,
  version: string,
  dropped: (pulls: number) => void,
): Promise<Traces | undefined> {
  const { endpoint, headers } = config.traces;
  if (endpoint === undefined) return undefined;
  const [{ TraceExporter }, { Poster }] = await Promise.all([
    import("./traces/exporter.ts"),
    import("./upstream/post.ts"),
  ]);
  const proxy = config.environmentProxy(endpoint);
  const settings = toProxySettings(config);
  const poster = new Poster({ url: endpoint, headers, ...(proxy !== undefined && { proxy }), settings, now });
  const exporter = new TraceExporter({ post: (body, signal) => poster.post(body, signal), version, dropped });
  return {
    observe: exporter.observe,
    stop: async (timeoutMs) => {
      await exporter.stop(timeoutMs);
      await poster.close();
    },
  };
}

interface Admin {
  readonly metrics: Metrics;
  readonly pulls: PullsView;
  readonly readiness: () => Readiness;
  readonly logger: Logger;
}

function createAdmin({ admin }: Config, { metrics, pulls, readiness, logger }: Admin): AdminServer {
  return new AdminServer({
    ...admin.address,
    ...(admin.protection && { protection: admin.protection }),
    expose: exposeMetrics(metrics),
    pulls,
    readiness,
    failed: (error) => logger.error("an admin request failed", { error }),
  });
}

function createReload(listeners: readonly ProtectedListener[], logger: Logger): ProtectionReload {
  return new ProtectionReload(listeners, {
    reloaded: (listener) => logger.info("files of a listener were read again", { listener }),
    kept: (listener, mistakes) => {
      const problems = mistakes.map(({ file, message }) => `${file}: ${message}`);
      logger.error("files of a listener cannot be used; it goes on with what they said before", { listener, problems });
    },
  });
}

function listProtected(config: Config, proxy: Proxy, admin: AdminServer): ProtectedListener[] {
  const listeners = config.listeners.map(({ name, files = {} }): ProtectedListener => ({
    name,
    files,
    protect: (protection) => proxy.protect(name, protection),
  }));
  const { files = {} } = config.admin;
  const all = [...listeners, { name: "admin", files, protect: (protection: Protection) => admin.protect(protection) }];
  return all.filter(({ files: { tls, auth } }) => tls !== undefined || auth !== undefined);
}

function relaysTokens({ listeners, registries }: Config): boolean {
  return [...listeners, ...registries.values()].some(({ tokens }) => tokens === "relay");
}

/** Counts each mistake of those who watch, and logs the first: it mostly repeats itself with every event. */
function createMistakeTeller({ observerErrors }: Metrics, logger: Logger): (error: unknown) => void {
  let told = false;
  return (error) => {
    observerErrors.inc();
    if (!told) logger.error("an observer failed; observations may be missing", { error });
    told = true;
  };
}

/** What has no registrable domain has a label that is no domain either, in brackets. */
function domainOf(host: string): string | undefined {
  const label = registryLabel(host);
  return label.startsWith("[") ? undefined : label;
}

function toListener({ address, ...listener }: Config["listeners"][number]): Listener {
  return { ...listener, ...address };
}

function toProxySettings({ timeouts, limits, headers }: Config): ProxySettings {
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

function toTrackerSettings(tracker: Config["tracker"]): Partial<TrackerSettings> {
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

async function bindAdmin(admin: AdminServer, config: Config): Promise<number> {
  try {
    return (await admin.listen()).port;
  } catch (error) {
    throw bindError("admin.address", config.admin.address, error);
  }
}

/** Finds the listener that an error is about: the system tells the port, or the host that it could not resolve. */
function toBindError(error: unknown, config: Config): Error {
  const port = error instanceof Error && "port" in error ? error.port : undefined;
  const hostname = error instanceof Error && "hostname" in error ? error.hostname : undefined;
  const host = error instanceof Error && "address" in error ? error.address : undefined;
  const candidates = [...config.listeners.entries()].filter(
    ([, { address }]) => address.port === port || address.host === hostname,
  );
  const found = candidates.find(([, { address }]) => address.host === host) ?? candidates[0];
  return found === undefined
    ? new Error("cannot listen", { cause: error })
    : bindError(`listeners[${found[0]}].address`, found[1].address, error);
}

const BIND_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: "somebody listens there already",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "this user may not listen on this port",
  ENOTFOUND: "no such host",
};

function bindError(key: string, address: Address, cause: unknown): Error {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const reason = BIND_FAILURES[code] ?? "failed";
  return new Error(`${key}: cannot listen on ${formatAddress(address)}: ${reason} (${code})`, { cause });
}
