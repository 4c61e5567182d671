import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cleanup } from "../truth/cleanup.ts";
import { disagreements, parseSamples, pullLinesOf, settle } from "../truth/observed.ts";
import { ProxyProcess } from "../truth/proxy-process.ts";
import { countDescriptors, fallsTo, residentBytes } from "./at-rest.ts";
import { CellRegistry } from "./cell-registry.ts";
import { nameOf, type Cell } from "./cells.ts";
import type { ClientPlan, MatrixClient } from "./client-plan.ts";
import { judge, type CellFacts, type Judged } from "./judge.ts";
import { Names } from "./names.ts";
import { proxySettings } from "./proxy-settings.ts";
import { describeSeen } from "./seen.ts";

export interface MatrixResult {
  readonly client: string;
  readonly judged: readonly Judged[];
  /** What is wrong with the run as a whole. */
  readonly problems: readonly string[];
  readonly seconds: number;
  /** The most that the proxy ever had. */
  readonly residentMebibytes: number;
}

/** What is known of a cell when its client is gone. */
type Pulled = Omit<CellFacts, "causes" | "openConnections">;

/** After the last pull: idle connections to upstreams are closed after 4 s, those of probes after some more. */
const REST_WITHIN_MS = 20_000;
/** Beside those of the start: the bench's own probes. */
const SPARE_DESCRIPTORS = 4;
/** The program has some 100 MiB and the bodies under way; what grows with the number of cells is beyond that. */
const MAX_RESIDENT_MEBIBYTES = 400;
/** `/livez` of a busy machine. */
const HEALTHY_WITHIN_MS = 5_000;

/** All cells that a client can do, through one process of the program. */
export async function runMatrix(plan: ClientPlan, cells: readonly Cell[], verbose: boolean): Promise<MatrixResult> {
  const cleanup = new Cleanup();
  try {
    return await new Run(plan, { cells, verbose, cleanup }).run();
  } finally {
    await cleanup.run();
  }
}

class Run {
  readonly #plan: ClientPlan;
  readonly #registries: readonly CellRegistry[];
  readonly #verbose: boolean;
  readonly #cleanup: Cleanup;

  constructor(plan: ClientPlan, parts: { cells: readonly Cell[]; verbose: boolean; cleanup: Cleanup }) {
    this.#plan = plan;
    this.#registries = parts.cells.map((cell) => new CellRegistry(cell, () => plan.imageFor(cell), plan.first));
    this.#verbose = parts.verbose;
    this.#cleanup = parts.cleanup;
  }

  async run(): Promise<MatrixResult> {
    const startedMs = performance.now();
    const proxy = await this.#startProxy();
    const descriptors = await countDescriptors(proxy.pid);
    const client = await this.#plan.start(proxy.ports, this.#registries);
    const pulled = await this.#pullAndClose(client, proxy);
    const problems = await this.#rest(proxy, descriptors);
    const open = this.#registries.map(({ openConnections }) => openConnections);
    const residentMebibytes = Math.round((await residentBytes(proxy.pid, "VmHWM")) / 2 ** 20);
    if (residentMebibytes > MAX_RESIDENT_MEBIBYTES) problems.push(`the proxy had ${residentMebibytes} MiB`);
    const settled = await settle(proxy);
    const lines = pullLinesOf(proxy.logLines());
    const judged = pulled.map((facts, i) => {
      const { host } = this.#registries[i]!;
      const causes = lines.filter((line) => line.registry_host === host).map(({ cause }) => cause);
      return judge({ ...facts, causes, openConnections: open[i] ?? 0 }, this.#plan);
    });
    return {
      client: this.#plan.name,
      judged,
      problems: [...problems, ...settled.problems, ...disagreements(lines, settled.metrics)],
      seconds: Math.round((performance.now() - startedMs) / 1000),
      residentMebibytes,
    };
  }

  async #startProxy(): Promise<ProxyProcess> {
    const folder = await mkdtemp(join(tmpdir(), "faults-"));
    this.#cleanup.add(async () => rm(folder, { recursive: true, force: true }));
    const registries = this.#registries;
    const byHost = new Map(
      registries.flatMap((one) => [one.host, one.storageHost].map((host) => [host, one] as const)),
    );
    const names = new Names((host) => byHost.get(host)?.addressOf(host));
    const namesPort = await names.listen();
    this.#cleanup.add(async () => names.close());
    for (const registry of registries) {
      await registry.listen();
      this.#cleanup.add(async () => registry.close());
    }
    const listeners = this.#plan.listeners(registries.map(({ cell }) => cell));
    const settings = proxySettings({ folder, listeners, registries, namesPort, patient: this.#plan.repeats });
    const proxy = await ProxyProcess.start(folder, settings);
    this.#cleanup.add(async () => proxy.stop());
    return proxy;
  }

  /** A daemon keeps its connections: at rest it is gone. */
  async #pullAndClose(client: MatrixClient, proxy: ProxyProcess): Promise<Pulled[]> {
    try {
      return await this.#pullAll(client, proxy);
    } finally {
      await client.close();
    }
  }

  async #pullAll(client: MatrixClient, proxy: ProxyProcess): Promise<Pulled[]> {
    const facts: Pulled[] = [];
    const left = this.#registries.entries();
    const work = async (): Promise<void> => {
      for (const [i, registry] of left) {
        const one = await pullOne(client, registry, proxy);
        if (this.#verbose) console.log(`${one.seconds.toFixed(1)} s  ${nameOf(one.cell)}: ${describeSeen(one.seen)}`);
        facts[i] = one;
      }
    };
    await Promise.all(Array.from({ length: this.#plan.parallel }, work));
    return facts;
  }

  /** Waits until nothing is left of the pulls; what is left nevertheless is a problem. */
  async #rest(proxy: ProxyProcess, before: number): Promise<string[]> {
    if (!proxy.isRunning) return ["the proxy ended while it was used"];
    const open = (): number => this.#registries.reduce((sum, { openConnections }) => sum + openConnections, 0);
    await fallsTo(0, REST_WITHIN_MS, open);
    const after = await fallsTo(before + SPARE_DESCRIPTORS, REST_WITHIN_MS, async () => countDescriptors(proxy.pid));
    const clients = parseSamples(await proxy.metrics()).get("pullmeter_client_connections");
    return [
      ...(after > before + SPARE_DESCRIPTORS
        ? [`${after} file descriptors are open, ${before} were at the start`]
        : []),
      ...(clients === 0 ? [] : [`pullmeter_client_connections is ${clients} after the last client`]),
    ];
  }
}

async function pullOne(client: MatrixClient, registry: CellRegistry, proxy: ProxyProcess): Promise<Pulled> {
  const startedMs = performance.now();
  const seen = await client.pull(registry);
  const seconds = (performance.now() - startedMs) / 1000;
  const { cell, happened } = registry;
  return { cell, seen, happened, seconds, healthy: proxy.isRunning && (await proxy.lives(HEALTHY_WITHIN_MS)) };
}
