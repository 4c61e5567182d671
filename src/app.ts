import { randomBytes } from "node:crypto";
import { AdminServer } from "./admin/server.ts";
import { createPullsView } from "./admin/pulls-view.ts";
import { createUnreachableView } from "./admin/unreachable-view.ts";
import type { Address } from "./config/address.ts";
import { bindError, toBindError } from "./config/bind-error.ts";
import type { Config } from "./config/config.ts";
import type { LoadedConfig } from "./config/load.ts";
import { toMetricsOptions } from "./config/metrics-options.ts";
import { findNeedsRestart } from "./config/needs-restart.ts";
import { ConfigError } from "./config/problem.ts";
import type { ProtectionReload } from "./config/protection-reload.ts";
import { logExchanges } from "./log/observe-exchanges.ts";
import { logPulls } from "./log/observe.ts";
import type { Logger } from "./log/logger.ts";
import { createMetrics, type Metrics } from "./metrics/create-metrics.ts";
import { exposeMetrics, type Expose } from "./metrics/exposition.ts";
import { observePulls } from "./metrics/observe-pulls.ts";
import { observeTransfers } from "./metrics/observe-transfers.ts";
import { observeUpstreams } from "./metrics/observe-upstreams.ts";
import type { BoundListener } from "./proxy/listener.ts";
import { joinObservers } from "./pull/join-observers.ts";
import type { TransferEvent } from "./pull/transfer-event.ts";
import type { PullObserver } from "./pull/pull-event.ts";
import { PullTracker } from "./pull/tracker.ts";
import { now } from "./wiring/clock.ts";
import { createFilesReload } from "./wiring/protected-files.ts";
import { push } from "./wiring/push.ts";
import { toTrackerSettings } from "./wiring/settings.ts";
import { Ticker } from "./wiring/ticker.ts";
import { openTraces, type Traces } from "./wiring/traces.ts";
import { createDataPlane, type DataPlane, type WorkerSupport } from "./workers/data-plane.ts";
import { watchWorkers } from "./workers/watch-workers.ts";

/** Everything joined: the data plane, the tracker, and all who watch them. */
export interface App {
  /** Binds every address, or none. Rejects with a message for the operator that names the setting. */
  start(): Promise<Started>;
  /**
   * Takes over what `load` returns, for all requests from now on, and resolves with it. Rejects with a ConfigError if it cannot be read, or
   * would need a restart; then nothing of it is taken over.
   */
  reload(load: () => LoadedConfig): Promise<Config>;
  /**
   * Stops gracefully: pulls under way may finish for the drain time, every open one is observed, and those who watch
   * have their time to see it.
   */
  stop(): Promise<void>;
  /** Reads certificates, keys and credentials of listeners again; what cannot be used leaves its listener as it is. */
  reloadFiles(): void;
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
  /** For `workers` of more than 1. */
  readonly workerSupport?: WorkerSupport;
}

/** 250 ms: the tracker decides as late as this after the fact. Its observations are backdated all the same. */
const TICK_MS = 250;

/** 5 s: how late a changed certificate or password is noticed. */
const FILES_TICK_MS = 5_000;

/** 3 s for the last spans and for a push: with the default drain below the 30 s that Kubernetes waits before it kills. */
const LAST_WORDS_MS = 3_000;

/** 1 s: a client that is not done asks for the next blob within it. */
const QUIET_MS = 1_000;

export function createApp(config: Config, dependencies: AppDependencies): App {
  return new JoinedApp(config, dependencies);
}

class JoinedApp implements App {
  readonly #dependencies: AppDependencies;
  readonly #metrics: Metrics;
  readonly #expose: Expose;
  readonly #tracker: PullTracker;
  readonly #dataPlane: DataPlane;
  readonly #admin: AdminServer;
  readonly #ticker: Ticker;
  readonly #flush: (nowMs: number) => void;
  #config: Config;
  #state: "starting" | "serving" | "draining" | "lingering" = "starting";
  #traces: Traces | undefined;
  readonly #files: ProtectionReload;
  #filesTicker: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: Config, dependencies: AppDependencies) {
    const { version, nodeVersion = "", logger } = dependencies;
    this.#dependencies = dependencies;
    this.#config = config;
    const metrics = createMetrics({ version, nodeVersion, ...toMetricsOptions(config) });
    this.#metrics = metrics;
    this.#expose = exposeMetrics(metrics);
    const failed = createMistakeTeller(metrics, logger);
    const configured = metrics.caps.configuredRegistries;
    const keep = config.admin.finishedPullsKept;
    const view = createPullsView({ live: () => tracker.live(), keep, now, configured });
    const unreachable = createUnreachableView();
    const trace: PullObserver = (event) => this.#traces?.observe(event);
    const tracker = new PullTracker({
      report: joinObservers([observePulls(metrics), logPulls(logger, configured), view.observe, trace], failed),
      settings: toTrackerSettings(config.tracker),
      idSuffix: randomBytes(2).toString("hex"),
    });
    this.#tracker = tracker;
    const track = (event: TransferEvent): void => {
      this.#ticker.wake();
      tracker.observe(event);
    };
    const watchers = [observeTransfers(metrics), observeUpstreams(metrics), logExchanges(logger)];
    const age = watchAge(metrics, tracker);
    const advance = joinObservers([(nowMs: number) => tracker.advance(nowMs), age], failed);
    this.#ticker = new Ticker({
      everyMs: TICK_MS,
      tick: () => advance(this.#dataPlane.toldUntil(now())),
      isAtRest: () => tracker.isAtRest,
    });
    this.#flush = joinObservers([(nowMs: number) => tracker.flush(nowMs), age], failed);
    this.#dataPlane = createDataPlane(config, {
      observe: joinObservers([track, ...watchers, unreachable.observe], failed),
      now,
      workerSupport: dependencies.workerSupport,
      watcher: watchWorkers(metrics, logger),
    });
    this.#admin = new AdminServer({
      ...config.admin.address,
      ...(config.admin.protection && { protection: config.admin.protection }),
      expose: this.#expose,
      pulls: view,
      readiness: () => {
        const state = this.#state;
        return { ready: state === "serving", details: { state, unreachable: unreachable.hosts() } };
      },
      failed: (error) => logger.error("an admin request failed", { error }),
    });
    this.#files = createFilesReload(config, { proxy: this.#dataPlane, admin: this.#admin, logger });
  }

  async start(): Promise<Started> {
    const config = this.#config;
    this.#traces = await this.#openTraces(config);
    const adminPort = await bindAdmin(this.#admin, config);
    const listeners = await this.#dataPlane.listen().catch(async (error: unknown) => {
      await this.#admin.close();
      throw toBindError(error, config);
    });
    this.#filesTicker = setInterval(() => this.#files.reloadIfChanged(), FILES_TICK_MS).unref();
    this.#state = "serving";
    this.#reloaded();
    return { listeners, admin: { host: config.admin.address.host, port: adminPort } };
  }

  async reload(load: () => LoadedConfig): Promise<Config> {
    this.#metrics.configReloadSuccessful.set(0);
    const next = load();
    const problems = findNeedsRestart(this.#config, next);
    if (problems.length > 0) throw new ConfigError(problems);
    const { config } = next;
    const isTracedElsewhere = JSON.stringify(config.traces) !== JSON.stringify(this.#config.traces);
    const traces = isTracedElsewhere ? await this.#openTraces(config) : this.#traces;
    if (isTracedElsewhere) void this.#traces?.stop(LAST_WORDS_MS);
    this.#traces = traces;
    this.#config = config;
    this.#dataPlane.reload(config);
    this.reloadFiles();
    this.#tracker.configure(toTrackerSettings(config.tracker));
    this.#metrics.caps.configure(toMetricsOptions(config).registries);
    this.#reloaded();
    return config;
  }

  reloadFiles(): void {
    this.#files.reload();
  }

  #reloaded(): void {
    this.#metrics.configReloadSuccessful.set(1);
    this.#metrics.configReloadTimestamp.set(now() / 1000);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  // Those who watch close last: the end of the last pull is seen, pushed, and scraped.
  async #stop(): Promise<void> {
    this.#state = "draining";
    const { logger } = this.#dependencies;
    const tracker = this.#tracker;
    await this.#dataPlane.drain(this.#config.timeouts.drain, {
      quietMs: QUIET_MS,
      isAny: () => tracker.isAnyUnderWay(),
      isOf: (registry, repository) => tracker.isUnderWay(registry, repository),
    });
    clearInterval(this.#filesTicker);
    this.#ticker.stop();
    this.#flush(now());
    this.#state = "lingering";
    await Promise.all([
      this.#traces?.stop(LAST_WORDS_MS),
      push(this.#config, { expose: this.#expose, logger, timeoutMs: LAST_WORDS_MS }),
      this.#admin.lastScrape(this.#config.admin.linger),
    ]);
    await this.#admin.close();
    await logger.flush();
  }

  #openTraces(config: Config): Promise<Traces | undefined> {
    return openTraces(config, this.#dependencies.version, (pulls) => this.#metrics.tracesDropped.inc(pulls));
  }
}

function watchAge(metrics: Metrics, tracker: PullTracker): (nowMs: number) => void {
  return (nowMs) => metrics.oldestPullAge.set((nowMs - (tracker.oldestStartMs() ?? nowMs)) / 1000);
}

async function bindAdmin(admin: AdminServer, config: Config): Promise<number> {
  try {
    return (await admin.listen()).port;
  } catch (error) {
    throw bindError({ key: "admin.address", flag: "--admin-address" }, config.admin.address, error);
  }
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
