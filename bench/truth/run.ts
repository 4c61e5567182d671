import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDockerRegistry, type DockerRegistry } from "../../test/support/clients/docker-registry.ts";
import type { Release } from "../../test/support/clients/programs.ts";
import { heldResponses } from "./attempts.ts";
import { Cleanup } from "./cleanup.ts";
import { compare, type Comparison } from "./compare.ts";
import { attributionFor, listenersFor, startDriver, type ClientKind, type Driver } from "./driver.ts";
import { FaultPlan } from "./faults.ts";
import { makeImages, type Tagged } from "./images.ts";
import { disagreements, falseStalls, observationOf, pullLinesOf, settle } from "./observed.ts";
import { ProxyProcess } from "./proxy-process.ts";
import { keepRun } from "./recording.ts";
import { Recorder } from "./recorder.ts";
import { REGISTRIES, REGISTRY_KEYS } from "./registries.ts";
import { formatMisses } from "./report.ts";
import { runSchedule, type ScheduleResult } from "./run-schedule.ts";
import { planSteps, type PlannedPull, type Step } from "./schedule.ts";
import { Tap, TapLog } from "./tap.ts";
import { truthFromClient, truthFromWire, type TruePull } from "./truth.ts";
import { Wall } from "./wall.ts";

export interface BenchOptions {
  readonly kind: ClientKind;
  readonly release: Release;
  readonly seed: number;
  readonly pulls: number;
  readonly parallel: number;
  /** Processes that serve. Default: 1. */
  readonly workers?: number;
  readonly faults: boolean;
  readonly strongKey: boolean;
  /** Folder for the recording, the log and the metrics of the run. */
  readonly keep?: string | undefined;
}

export interface BenchResult {
  readonly name: string;
  readonly comparison: Comparison;
  /** What else is wrong; empty if all is well. */
  readonly problems: readonly string[];
  /** One line about what the recorder at the registry's side saw. */
  readonly recorded: string;
  readonly seconds: number;
}

/** One run: registries, recorder, proxy, taps, client, schedule, comparison. Nothing of it is left behind. */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const cleanup = new Cleanup();
  const systemFolder = tmpdir();
  try {
    const folder = await mkdtemp(join(systemFolder, "truth-"));
    // Registries and clients make their folders below the system's temporary folder: below this run's own, for now.
    process.env["TMPDIR"] = folder;
    cleanup.add(async () => {
      process.env["TMPDIR"] = systemFolder;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    });
    return await new Run(options, folder, cleanup).run();
  } finally {
    await cleanup.run();
  }
}

class Run {
  readonly #options: BenchOptions;
  readonly #folder: string;
  readonly #cleanup: Cleanup;
  readonly #tags: readonly Tagged[];
  readonly #steps: readonly Step[];
  readonly #recorder: Recorder;
  readonly #log = new TapLog();

  constructor(options: BenchOptions, folder: string, cleanup: Cleanup) {
    this.#options = options;
    this.#folder = folder;
    this.#cleanup = cleanup;
    this.#tags = makeImages(options.seed);
    this.#steps = planSteps(options.seed, options.pulls, this.#tags);
    this.#recorder = new Recorder(new FaultPlan(options.seed, options.faults));
  }

  async run(): Promise<BenchResult> {
    const { kind, parallel } = this.#options;
    const startedMs = performance.now();
    const registries = await this.#startRegistries();
    const proxy = await this.#startProxy(registries);
    const driver = await this.#startClient(proxy);
    const registryOf = (tagged: Tagged): DockerRegistry => (tagged.private ? registries.closed : registries.open);
    const context = { driver, steps: this.#steps, tags: this.#tags, parallel, tapLog: this.#log, registryOf };
    const schedule = await runSchedule(context);
    const { metrics, problems } = await settle(proxy);
    const lines = pullLinesOf(proxy.logLines());
    const wire = { exchanges: this.#log.exchanges, recorded: this.#recorder.log };
    const truths = this.#tapped
      ? truthFromWire(schedule.pulls, wire, driver)
      : truthFromClient(schedule.pulls, this.#recorder.log);
    const comparison = compare(
      truths,
      lines.map((line) => observationOf(line)),
    );
    this.#keep({ driver, schedule, truths, comparison, proxy, metrics });
    const { faults, seed, strongKey } = this.#options;
    return {
      name: `${kind} ${driver.client.version} seed ${seed} ${faults ? "faults" : "clean"}${strongKey ? " strong" : ""}`,
      comparison,
      problems: [...problems, ...disagreements(lines, metrics), ...falseStalls(metrics), ...heldResponses(wire)],
      recorded: this.#summary(),
      seconds: Math.round((performance.now() - startedMs) / 1000),
    };
  }

  /** False: clients reach the proxy itself, which must find out their processes. */
  get #tapped(): boolean {
    return !(this.#options.kind === "podman" && this.#options.strongKey);
  }

  async #startRegistries(): Promise<{ open: DockerRegistry; closed: DockerRegistry }> {
    const open = await startDockerRegistry({ auth: "none" });
    this.#cleanup.add(async () => open.close());
    const closed = await startDockerRegistry({ auth: "basic" });
    this.#cleanup.add(async () => closed.close());
    for (const tagged of this.#tags) {
      // The first root last: that is where the tag points when the run begins.
      for (const root of tagged.roots.toReversed()) {
        await (tagged.private ? closed : open).push(tagged.repository, tagged.tag, root.content);
      }
    }
    this.#cleanup.add(async () => this.#recorder.close());
    return { open, closed };
  }

  async #startProxy({ open, closed }: { open: DockerRegistry; closed: DockerRegistry }): Promise<ProxyProcess> {
    const { kind, strongKey, workers = 1 } = this.#options;
    const upstreams: Record<string, URL> = {};
    for (const key of REGISTRY_KEYS) {
      const registry = REGISTRIES[key];
      upstreams[registry.host] = await this.#recorder.open(
        registry.host,
        new URL((registry.private ? closed : open).url),
      );
    }
    const peerIdentity = kind === "podman" && strongKey ? "proc" : "none";
    const proxy = await ProxyProcess.start(this.#folder, {
      listeners: listenersFor(kind),
      upstreams,
      peerIdentity,
      further: { workers },
    });
    this.#cleanup.add(async () => proxy.stop());
    return proxy;
  }

  async #startClient(proxy: ProxyProcess): Promise<Driver> {
    const wall = new Wall();
    const fallback = await wall.listen();
    this.#cleanup.add(async () => wall.close());
    const { kind, release, strongKey } = this.#options;
    const attribution = attributionFor(kind, release, { strongKey });
    const ports: Record<string, number> = {};
    for (const [listener, proxyPort] of Object.entries(proxy.ports)) {
      const tap = new Tap({ listener, proxyPort, attribution, log: this.#log });
      ports[listener] = this.#tapped ? await tap.listen() : proxyPort;
      this.#cleanup.add(async () => tap.close());
    }
    const pulls = this.#steps.flatMap((step): readonly PlannedPull[] => (step.kind === "pull" ? step.pulls : []));
    const driver = await startDriver(kind, { release, folder: this.#folder, ports, fallback, pulls, attribution });
    this.#cleanup.add(async () => driver.client.close());
    return driver;
  }

  #keep(parts: {
    driver: Driver;
    schedule: ScheduleResult;
    truths: readonly TruePull[];
    comparison: Comparison;
    proxy: ProxyProcess;
    metrics: string;
  }): void {
    const { keep, kind, seed, faults } = this.#options;
    if (keep === undefined) return;
    const scenario = `seed${seed}-${faults ? "faults" : "clean"}`;
    const { driver, schedule, truths } = parts;
    const client = kind === "podman" ? "podman" : "containerd-cri";
    const base = keepRun(keep, { client, version: driver.client.version, scenario, log: this.#log, schedule, truths });
    mkdirSync(keep, { recursive: true });
    writeFileSync(`${base}.misses.txt`, `${formatMisses(parts.comparison)}\n`);
    writeFileSync(`${base}.pullmeter.log`, parts.proxy.log());
    writeFileSync(`${base}.metrics.txt`, parts.metrics);
    writeFileSync(`${base}.recorder.json`, JSON.stringify(this.#recorder.log));
  }

  #summary(): string {
    const { log } = this.#recorder;
    const count = (wanted: (one: (typeof log)[number]) => boolean): number => log.filter(wanted).length;
    const mebibytes = log.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20;
    const own = `${log.length} requests, ${mebibytes.toFixed(0)} MiB, ${count(({ fault }) => fault !== undefined)} faults, ${count(({ aborted }) => aborted === true)} aborted`;
    const unknown = this.#log.exchanges.filter(({ pull }) => pull === undefined).length;
    return `registry side: ${own}; client side: ${this.#log.exchanges.length} requests, ${unknown} of unknown pulls`;
  }
}
