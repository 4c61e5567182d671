import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";
import { pull } from "../demo/puller.ts";
import { GUARDED_REGISTRY, OPEN_REGISTRY, SCENARIO, type DemoPull } from "../demo/scenario.ts";
import type { PullRecord } from "../log/pull-record.ts";
import { IMAGE_FETCH_DURATION } from "../metrics/metrics.ts";
import type { Digest } from "../oci/digest.ts";
import type { DemoOrigins } from "./demo-config.ts";
import type { PullLog } from "./demo-pull-log.ts";
import { excerptHistogram, PullTable, shortenHistogram, shortenLogLine, type Paint } from "./demo-report.ts";

/** 20 s: the tracker decides within 10 s after any of the demo's pulls. */
const OBSERVATION_DEADLINE_MS = 20_000;

/** 3 s between background pulls: something moves, and nothing scrolls away. */
const BACKGROUND_PAUSE_MS = 3_000;

/** What a pipe or file is taken for. */
const DEFAULT_COLUMNS = 120;

/** Columns before the explanations, the longest address included. */
const NEXT_WIDTH = 38;

/** What the demo does before its audience, in the order of the methods. */
export class DemoShow {
  readonly #origins: DemoOrigins;
  readonly #log: PullLog;
  readonly #signal: AbortSignal;
  readonly #output: NodeJS.WriteStream;
  readonly #columns: number;
  readonly #paint: Paint;
  readonly #table: PullTable;
  readonly #disk = new Set<Digest>();
  readonly #records: PullRecord[] = [];

  constructor(options: { origins: DemoOrigins; log: PullLog; signal: AbortSignal; output: NodeJS.WriteStream }) {
    this.#origins = options.origins;
    this.#log = options.log;
    this.#signal = options.signal;
    this.#output = options.output;
    this.#columns = options.output.columns ?? DEFAULT_COLUMNS;
    this.#paint = (style, text) => styleText(style, text, { stream: options.output });
    this.#table = new PullTable({ columns: this.#columns, paint: this.#paint });
  }

  /** Makes every pull of the scenario, one after the other. True if each was observed exactly once. */
  async pullAll(): Promise<boolean> {
    const { open, warmup, guarded, admin } = this.#origins;
    this.#print(
      `${this.#paint("bold", "pullmeter demo")}: a client pulls from two registries, all in this process.`,
      "",
      `  client ──▶ ${open.padEnd(22)} ──▶ ${OPEN_REGISTRY}   public`,
      `         ──▶ ${warmup.padEnd(22)} ──▶ ${OPEN_REGISTRY}   trigger "warmup"`,
      `         ──▶ ${guarded.padEnd(22)} ──▶ ${GUARDED_REGISTRY}  wants a token`,
      `             ${admin.padEnd(22)}     metrics and pulls`,
      "",
      this.#table.head(),
    );
    for (const entry of SCENARIO) {
      const record = await this.#pull(entry);
      if (this.#signal.aborted) return false;
      this.#print(record ? this.#table.row(entry.what, record) : this.#paint("red", `${entry.what}: was not observed`));
      if (record) this.#records.push(record);
    }
    return this.#log.lines.length === SCENARIO.length && this.#records.length === SCENARIO.length;
  }

  /** Shows where the same facts are found, and what else there is. */
  async explain(): Promise<void> {
    const { admin } = this.#origins;
    const { name } = IMAGE_FETCH_DURATION;
    const exposition = await (await fetch(`${admin}/metrics`)).text();
    const histogram = excerptHistogram(exposition, name);
    // Short for people; whole where a program may read.
    const isShort = this.#output.isTTY;
    this.#print(
      "",
      this.#heading("Pull log", "one JSON line per pull on standard error"),
      ...(isShort ? this.#records.map((record) => shortenLogLine(record, this.#columns)) : this.#log.lines),
      "",
      this.#heading("Metrics", name),
      ...(isShort ? shortenHistogram(histogram, name, this.#columns) : histogram),
      "",
      this.#heading("Where to look next"),
      `  ${admin}/metrics`.padEnd(NEXT_WIDTH) + "buckets, and status in five values",
      `  ${admin}/api/pulls`.padEnd(NEXT_WIDTH) + "pulls with their blobs",
      "  README.md".padEnd(NEXT_WIDTH) + "point podman or containerd at it",
      "  docs/metrics.md".padEnd(NEXT_WIDTH) + "what each metric and label means",
    );
  }

  /** Pulls slowly until the signal, as long as it takes. */
  async pullOn(): Promise<void> {
    this.#print("", this.#heading("Pulling on", "one pull every few seconds, until Ctrl-C"), this.#table.head());
    this.#log.onForeignPull = (record) => this.#print(this.#table.row(`by ${record.client_family}`, record));
    while (!this.#signal.aborted) {
      this.#disk.clear();
      this.#log.lines.length = 0;
      for (const entry of SCENARIO) {
        await sleep(BACKGROUND_PAUSE_MS, undefined, { signal: this.#signal }).catch(() => undefined);
        const record = this.#signal.aborted ? undefined : await this.#pull(entry);
        if (record) this.#print(this.#table.row(entry.what, record));
      }
    }
    this.#print("");
  }

  /** Pulls, and waits until that pull was observed. */
  async #pull({ listener, repository, reference, credentials }: DemoPull): Promise<PullRecord | undefined> {
    const origin = this.#origins[listener];
    const pulling = pull({
      origin,
      repository,
      reference,
      store: this.#disk,
      signal: this.#signal,
      ...(credentials && { credentials }),
    });
    // That it failed is for the observation to tell.
    await pulling.catch(() => undefined);
    const deadline = AbortSignal.timeout(OBSERVATION_DEADLINE_MS);
    return this.#log.next(AbortSignal.any([this.#signal, deadline]));
  }

  #heading(title: string, text = ""): string {
    return this.#paint("bold", title) + (text === "" ? "" : this.#paint("dim", `  ${text}`));
  }

  #print(...lines: readonly string[]): void {
    this.#output.write(`${lines.join("\n")}\n`);
  }
}
