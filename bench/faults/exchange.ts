import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { formatHead, type Answer } from "./answer.ts";
import type { RequestHead } from "./request-heads.ts";

export interface ExchangeParts {
  /** What HTTP is written to: the raw connection, or TLS over it. */
  readonly stream: Duplex;
  readonly raw: Socket;
  readonly request: RequestHead;
  readonly answer: Answer;
  /** The answer to the same request without a range. */
  readonly whole: Answer;
  /** Where in the body something happens: a share of it, between 0 and 1. */
  readonly share: number;
  readonly close: boolean;
}

/** One request that waits for its answer, and everything that can be done to a connection instead. */
export class Exchange {
  readonly request: RequestHead;
  readonly answer: Answer;
  readonly whole: Answer;
  readonly #parts: ExchangeParts;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.request = parts.request;
    this.answer = parts.close ? closing(parts.answer) : parts.answer;
    this.whole = parts.whole;
  }

  /** The byte of the body at which something happens: some came before, and at least one is left. */
  get position(): number {
    const { length } = this.answer.body;
    return Math.min(Math.max(1, Math.floor(this.#parts.share * length)), length - 1);
  }

  respond(answer = this.answer): void {
    this.write(formatHead(answer));
    if (this.request.method !== "HEAD") this.write(answer.body);
    if (this.#parts.close) this.end();
  }

  write(data: string | Buffer): void {
    if (this.#parts.stream.writable) this.#parts.stream.write(data);
  }

  /** Calls back when what was written is with the kernel. */
  written(callback: () => void): void {
    this.#parts.stream.write("", callback);
  }

  /** FIN, after TLS' own goodbye. */
  end(): void {
    this.#parts.stream.end();
  }

  /** RST, after what was written. */
  reset(): void {
    this.written(() => this.#parts.raw.resetAndDestroy());
  }

  /** FIN without TLS' goodbye, after what was written. */
  hangUp(): void {
    this.written(() => this.#parts.raw.destroy());
  }

  /** Writes a piece every so often until all is written or the connection is gone. */
  drip(data: Buffer, pieceBytes: number, everyMs: number): void {
    const { stream } = this.#parts;
    let written = 0;
    const timer = setInterval(() => {
      if (written >= data.length || !stream.writable) return clearInterval(timer);
      stream.write(data.subarray(written, (written += pieceBytes)));
    }, everyMs);
    stream.once("close", () => clearInterval(timer));
  }
}

function closing(answer: Answer): Answer {
  return { ...answer, headers: [...answer.headers, ["Connection", "close"]] };
}
