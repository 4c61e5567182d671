import type { UpstreamBody, UpstreamResponse } from "./exchange.ts";
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
  const held = new HeldBody(response.body);
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
  return { ...response, body: held };
}

class HeldBody implements UpstreamBody {
  readonly #body: UpstreamBody;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #whole = false;
  #delivered: Promise<void> = Promise.resolve();
  #sink: ((chunk: Buffer) => boolean) | undefined;

  constructor(body: UpstreamBody) {
    this.#body = body;
  }

  /** Resolves when the body is whole, or has more than `maxBytes`. */
  fill(maxBytes: number): Promise<void> {
    const isFull = new Promise<void>((resolve) => {
      this.#delivered = this.#readAll((chunk) => {
        if (this.#sink !== undefined) return this.#sink(chunk);
        // The chunk's memory is its owner's again when this returns.
        this.#chunks.push(Buffer.from(chunk));
        this.#bytes += chunk.length;
        if (this.#bytes <= maxBytes) return true;
        resolve();
        return false;
      });
    });
    return Promise.race([isFull, this.#delivered]);
  }

  async #readAll(onChunk: (chunk: Buffer) => boolean): Promise<void> {
    await this.#body.deliver(onChunk);
    this.#whole = true;
  }

  deliver(onChunk: (chunk: Buffer) => boolean): Promise<void> {
    this.#sink = onChunk;
    const wanted = this.#chunks.splice(0).map((chunk) => onChunk(chunk));
    if (!this.#whole && !wanted.includes(false)) this.#body.resume();
    return this.#delivered;
  }

  resume(): void {
    if (!this.#whole) this.#body.resume();
  }

  discard(): void {
    this.#chunks.length = 0;
    if (!this.#whole) this.#body.discard();
  }
}
