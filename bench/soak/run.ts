import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fallsTo } from "../faults/at-rest.ts";
import { Names } from "../faults/names.ts";
import { proxySettings } from "../faults/proxy-settings.ts";
import { Cleanup } from "../truth/cleanup.ts";
import { ProxyProcess } from "../truth/proxy-process.ts";
import { SeededRandom } from "../truth/seeded-random.ts";
import { load, Tally, type LoadOptions } from "./load.ts";
import { takeSample, type Sample } from "./sample.ts";
import { SoakRegistry } from "./soak-registry.ts";
import type { Soaked } from "./verdict.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly workers: number;
  readonly seed: number;
  readonly onSample: (sample: Sample) => void;
}

export interface SoakResult extends Soaked {
  readonly tally: Tally;
  /** What is wrong beside growth. */
  readonly problems: readonly string[];
}

/** Four of each kind: plain, TLS, with and without redirects. */
const REGISTRIES = 12;
/** Until code is compiled and pools are filled. */
const WARM_UP_SHARE = 0.15;
const SAMPLE_EVERY_MS = 5_000;
/** Idle connections to upstreams are closed after 4 s, a stalled exchange ends after 2 s, a pull is over soon after. */
const REST_WITHIN_MS = 30_000;

/** Loads the program for so many minutes, warm-up and rests included. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const cleanup = new Cleanup();
  try {
    return await new Soak(options, cleanup).run();
  } finally {
    await cleanup.run();
  }
}

class Soak {
  readonly #options: SoakOptions;
  readonly #cleanup: Cleanup;
  readonly #registries: readonly SoakRegistry[];
  readonly #startedMs = performance.now();

  constructor(options: SoakOptions, cleanup: Cleanup) {
    this.#options = options;
    this.#cleanup = cleanup;
    this.#registries = Array.from(
      { length: REGISTRIES },
      (_, i) => new SoakRegistry(i, new SeededRandom(options.seed, "registry", i)),
    );
  }

  async run(): Promise<SoakResult> {
    const { minutes, workers, seed } = this.#options;
    const proxy = await this.#startProxy();
    const random = new SeededRandom(seed, "load");
    const hosts = this.#registries.map(({ host }) => host);
    const loading = { origin: `http://127.0.0.1:${proxy.ports["shared"]}`, registries: hosts, workers, random };
    const tally = new Tally();
    const totalMs = minutes * 60_000;
    await load(loading, totalMs * WARM_UP_SHARE, tally);
    const before = await this.#rest(proxy);
    const leftMs = totalMs - (performance.now() - this.#startedMs) - REST_WITHIN_MS / 2;
    const during = await this.#loadAndSample(proxy, loading, leftMs, tally);
    const after = await this.#rest(proxy);
    const exitCode = await proxy.stop();
    return { before, during, after, tally, problems: problemsOf(tally, after, exitCode) };
  }

  async #startProxy(): Promise<ProxyProcess> {
    const folder = await mkdtemp(join(tmpdir(), "soak-"));
    this.#cleanup.add(async () => rm(folder, { recursive: true, force: true }));
    const registries = this.#registries;
    const byHost = new Map(
      registries.flatMap((one) => [one.host, one.storageHost].map((host) => [host, one] as const)),
    );
    const names = new Names((host) => byHost.get(host)?.addressOf());
    const namesPort = await names.listen();
    this.#cleanup.add(async () => names.close());
    for (const registry of registries) {
      await registry.listen();
      this.#cleanup.add(async () => registry.close());
    }
    const proxy = await ProxyProcess.start(
      folder,
      proxySettings({
        folder,
        listeners: [{ name: "shared" }],
        registries,
        namesPort,
        patient: false,
        preload: [join(import.meta.dirname, "self-report.ts")],
        // A line for each pull would be gigabytes.
        further: { log: { level: "error" } },
      }),
    );
    this.#cleanup.add(async () => proxy.stop());
    return proxy;
  }

  async #loadAndSample(proxy: ProxyProcess, loading: LoadOptions, forMs: number, tally: Tally): Promise<Sample[]> {
    const samples: Sample[] = [];
    const state = { loaded: false };
    const loaded = load(loading, forMs, tally).finally(() => {
      state.loaded = true;
    });
    while (!state.loaded) {
      await Promise.race([loaded, delay(SAMPLE_EVERY_MS)]);
      if (!state.loaded) samples.push(await this.#sample(proxy));
    }
    await loaded;
    return samples;
  }

  /** Waits until the program has nothing to do any more. */
  async #rest(proxy: ProxyProcess): Promise<Sample> {
    const open = (): number => this.#registries.reduce((sum, { openConnections }) => sum + openConnections, 0);
    await fallsTo(0, REST_WITHIN_MS, open);
    await fallsTo(0, REST_WITHIN_MS, async () => {
      const { livePulls, clientConnections } = await takeSample(proxy, this.#startedMs);
      return livePulls + clientConnections;
    });
    return this.#sample(proxy);
  }

  async #sample(proxy: ProxyProcess): Promise<Sample> {
    if (!proxy.isRunning) throw new Error(`the program ended under load:\n${proxy.log().slice(-4_000)}`);
    const sample = await takeSample(proxy, this.#startedMs);
    this.#options.onSample(sample);
    return sample;
  }
}

function problemsOf(
  { seen, pulls, observable, firstWrong: first }: Tally,
  after: Sample,
  exitCode: number | null,
): string[] {
  return [
    ...(seen.hang > 0 ? [`${seen.hang} pulls hung`] : []),
    ...(seen["wrong bytes"] > 0
      ? [`${seen["wrong bytes"]} pulls were given wrong bytes as whole answers: ${first}`]
      : []),
    // A client that leaves during its HEAD may or may not have been heard.
    ...(after.observed < observable ? [`${after.observed} observations of ${observable} pulls: some are lost`] : []),
    ...(after.observed > pulls ? [`${after.observed} observations of ${pulls} pulls: some are double`] : []),
    ...(exitCode === 0 ? [] : [`pullmeter serve ended with ${exitCode} after SIGTERM`]),
  ];
}
