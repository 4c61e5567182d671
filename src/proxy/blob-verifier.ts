import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Digest } from "../oci/digest.ts";
import type { TransferFinished } from "../pull/transfer-event.ts";
import type { HashAnswer, HashOrder } from "./hash-thread-main.ts";

/** The bytes of one blob on their way to be hashed. */
export interface BlobCheck {
  /** Copies the chunk. */
  add(chunk: Buffer): void;
  /** What came of it. Never rejects. */
  end(): Promise<NonNullable<TransferFinished["verified"]>>;
  /** The blob did not come whole. */
  abandon(): void;
}

/**
 * 64 MiB wait to be hashed at most. A thread hashes about 1.5 GB/s, so that this much waits only where the machine has no
 * time for it; then blobs pass unverified, because nobody shall wait for a check.
 */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** Compares blobs with their digests in a thread of its own, which is started for the first of them. */
export class BlobVerifier {
  /** Shared with the thread, which takes off what it has hashed. */
  readonly #pendingBytes = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #waiting = new Map<number, (hex: string | undefined) => void>();
  readonly #random: () => number;
  #thread: Worker | undefined;
  #ids = 0;

  /** `random` draws the samples: 0 ≤ value < 1. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Draws a blob with probability `share`; undefined if it is not drawn, or its digest is of another algorithm. */
  draw(digest: Digest, share: number): BlobCheck | undefined {
    const [algorithm, wanted] = digest.split(":", 2);
    if (algorithm !== "sha256" || wanted === undefined || this.#random() >= share) return undefined;
    this.#ids += 1;
    return this.#check(this.#ids, wanted);
  }

  async close(): Promise<void> {
    await this.#thread?.terminate();
    this.#answerNobody();
  }

  #check(id: number, wanted: string): BlobCheck {
    let isGivenUp = false;
    const giveUp = (): void => {
      isGivenUp = true;
      this.#order({ id, action: "drop" });
    };
    return {
      add: (chunk) => {
        if (isGivenUp) return;
        if (Atomics.load(this.#pendingBytes, 0) + chunk.length > MAX_PENDING_BYTES) return giveUp();
        Atomics.add(this.#pendingBytes, 0, chunk.length);
        const bytes = new Uint8Array(chunk);
        this.#order({ id, action: "add", bytes }, [bytes.buffer]);
      },
      end: async () => {
        if (isGivenUp) return "skipped";
        const hex = await this.#ask(id);
        if (hex === undefined) return "skipped";
        return hex === wanted ? "match" : "mismatch";
      },
      abandon: giveUp,
    };
  }

  #ask(id: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#order({ id, action: "end" });
    });
  }

  #order(order: HashOrder, transfer: ArrayBuffer[] = []): void {
    this.#thread ??= this.#start();
    this.#thread.postMessage(order, transfer);
  }

  #start(): Worker {
    // .ts in a working copy, .js when built.
    const file = new URL(`./hash-thread-main${extname(import.meta.filename)}`, import.meta.url);
    const thread = new Worker(file, { execArgv: [], workerData: this.#pendingBytes });
    thread.unref();
    thread.on("message", ({ id, hex }: HashAnswer) => {
      this.#waiting.get(id)?.(hex);
      this.#waiting.delete(id);
    });
    // A thread that died is replaced by the next check; those that waited for it stay unverified.
    thread.on("error", () => {});
    thread.on("exit", () => {
      this.#thread = undefined;
      this.#answerNobody();
    });
    return thread;
  }

  #answerNobody(): void {
    Atomics.store(this.#pendingBytes, 0, 0);
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}
