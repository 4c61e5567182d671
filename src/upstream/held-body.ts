import { wholeBody } from "./connection-body.ts";
import type { UpstreamBody, UpstreamResponse } from "./exchange.ts";
import { headerValue, type RawHeaders } from "./raw-headers.ts";
import { SMALL_BUFFER_BYTES } from "./read-buffer.ts";
import { UpstreamError } from "./upstream-error.ts";

export interface HoldLimits {
  /** Beyond it the rest streams. */
  readonly maxBytes: number;
  /** Milliseconds from now on. */
  readonly timeoutMs: number;
  /** When the time is up: `fail` rejects as stalled, `stream` lets go what is here, and the rest as it comes. */
  readonly afterwards: "fail" | "stream";
}

/**
 * Keeps a response until its body is whole, so that whatever happens to it happens before its client has seen a byte of
 * it. Rejects with an UpstreamError when the body stalls or is cut short.
 */
export async function holdBody(response: UpstreamResponse, limits: HoldLimits): Promise<UpstreamResponse> {
  const held = new HeldBody(response.body, hintOf(response.headers));
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve, reject) => {
    timer = setTimeout(() => {
      if (limits.afterwards === "stream") return resolve();
      response.body.discard();
      reject(new UpstreamError("stalled", `${response.host}: the response stalled`));
    }, limits.timeoutMs);
  });
  try {
    await Promise.race([held.fill(limits.maxBytes), timeUp]);
  } finally {
    clearTimeout(timer);
  }
  return { ...response, body: held.passable };
}

/** What a body's length tells of the memory that it needs: a hint, believed up to 64 KiB. */
function hintOf(headers: RawHeaders): number {
  const told = Number(headerValue(headers, "content-length") ?? 0);
  return told <= SMALL_BUFFER_BYTES ? told : 0;
}

/** A body that is kept, and from the moment on that somebody wants it, passed. */
class HeldBody implements UpstreamBody {
  readonly #body: UpstreamBody;
  readonly #hint: number;
  /** Filled from its start, up to `#bytes`. */
  #memory: Buffer = NOTHING;
  #bytes = 0;
  #isWhole = false;
  #delivered: Promise<void> = Promise.resolve();
  #sink: ((chunk: Buffer) => boolean) | undefined;

  constructor(body: UpstreamBody, hint: number) {
    this.#body = body;
    this.#hint = hint;
  }

  /** What the client gets. */
  get passable(): UpstreamBody {
    return this.#isWhole ? wholeBody(this.#held) : this;
  }

  /** Resolves when the body is whole, or has more than `maxBytes`. */
  fill(maxBytes: number): Promise<void> {
    const isFull = new Promise<void>((resolve) => {
      this.#delivered = this.#readAll((chunk) => {
        if (this.#sink !== undefined) return this.#sink(chunk);
        // The chunk's memory is its owner's again when this returns.
        this.#keep(chunk);
        if (this.#bytes <= maxBytes) return true;
        resolve();
        return false;
      });
    });
    return Promise.race([isFull, this.#delivered]);
  }

  async #readAll(onChunk: (chunk: Buffer) => boolean): Promise<void> {
    await this.#body.deliver(onChunk);
    this.#isWhole = true;
  }

  deliver(onChunk: (chunk: Buffer) => boolean): Promise<void> {
    this.#sink = onChunk;
    const held = this.#takeHeld();
    const isFree = held.length === 0 || onChunk(held);
    if (!this.#isWhole && isFree) this.#body.resume();
    return this.#delivered;
  }

  resume(): void {
    if (!this.#isWhole) this.#body.resume();
  }

  discard(): void {
    this.#takeHeld();
    if (!this.#isWhole) this.#body.discard();
  }

  #keep(chunk: Buffer): void {
    const bytes = this.#bytes + chunk.length;
    if (bytes > this.#memory.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, this.#hint, 2 * this.#memory.length));
      larger.set(this.#held);
      this.#memory = larger;
    }
    this.#memory.set(chunk, this.#bytes);
    this.#bytes = bytes;
  }

  get #held(): Buffer {
    return this.#memory.subarray(0, this.#bytes);
  }

  #takeHeld(): Buffer {
    const held = this.#held;
    this.#memory = NOTHING;
    this.#bytes = 0;
    return held;
  }
}

const NOTHING = Buffer.alloc(0);
