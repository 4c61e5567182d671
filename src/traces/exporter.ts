import { randomBytes } from "node:crypto";
import type { FinishedPull, PullObserver } from "../pull/pull-event.ts";
import { toExportRequest, toSpans } from "./otlp.ts";

export interface TraceExporterOptions {
  /** Resolves with the receiver's status; rejects when there is none. */
  readonly post: (body: string, signal: AbortSignal) => Promise<number>;
  readonly version: string;
  /** Pulls whose spans are lost: the queue was full, or the receiver did not take them. */
  readonly dropped: (pulls: number) => void;
}

/** 2,048 pulls wait at most, about 20 MB with a hundred blobs each: minutes of a busy node while the receiver is away. */
const MAX_QUEUED = 2_048;

/** 64 pulls in one request, about 1 MB with fifty blobs each: below the 4 MB that receivers take. */
const MAX_BATCH = 64;

/** 2 s: so many pulls are sent together. */
const BATCH_MS = 2_000;

/** 10 s: OTEL_EXPORTER_OTLP_TIMEOUT's default. */
const POST_TIMEOUT_MS = 10_000;

/** Sends the spans of finished pulls to an OTLP receiver, in batches, one after the other. Never holds up a pull. */
export class TraceExporter {
  readonly #options: TraceExporterOptions;
  #queue: FinishedPull[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  readonly #stopped = new AbortController();

  constructor(options: TraceExporterOptions) {
    this.#options = options;
  }

  readonly observe: PullObserver = (event) => {
    if (event.type !== "pull-finished" || event.pull.traceParent?.sampled === false) return;
    if (this.#stopped.signal.aborted || this.#queue.length >= MAX_QUEUED) return this.#options.dropped(1);
    this.#queue.push(event.pull);
    if (this.#queue.length >= MAX_BATCH) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), BATCH_MS).unref();
  };

  /** Sends what is waiting, for so long at most, and stops. */
  async stop(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stopped.abort(), timeoutMs);
    while (this.#queue.length > 0 || this.#sending !== undefined) {
      this.#start();
      await this.#sending;
    }
    clearTimeout(timer);
    this.#stopped.abort();
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) await this.#send(this.#queue.splice(0, MAX_BATCH));
  }

  /** What is not taken is not sent again: spans that are late are worth less than memory. */
  async #send(pulls: readonly FinishedPull[]): Promise<void> {
    const { post, version, dropped } = this.#options;
    const spans = pulls.flatMap((pull) => toSpans(pull, (bytes) => randomBytes(bytes).toString("hex")));
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(POST_TIMEOUT_MS)]);
    const status = signal.aborted ? 0 : await post(toExportRequest(spans, version), signal).catch(() => 0);
    if (status < 200 || status > 299) dropped(pulls.length);
  }
}
