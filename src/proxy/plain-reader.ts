import type { Socket } from "node:net";
import { readPlainRequest, type PlainRequest } from "./plain-request.ts";
import { PlainResponse } from "./plain-response.ts";

export interface PlainReaderOptions {
  readonly socket: Socket;
  readonly maxHeadBytes: number;
  /** For the first byte, in milliseconds. */
  readonly headTimeoutMs: number;
  /** From one request to the next, in milliseconds. */
  readonly keepAliveTimeoutMs: number;
  readonly requested: (request: PlainRequest, response: PlainResponse) => void;
  /** Something else came. Node.js reads it, and all that follows on this connection. */
  readonly handOver: (socket: Socket) => void;
}

/**
 * Reads plain requests of one connection, one at a time, until something else comes. Node.js' server can do all of that
 * and more, and costs as much again as everything that the proxy does for a small request.
 */
export class PlainReader {
  readonly #options: PlainReaderOptions;
  readonly #socket: Socket;
  #isBusy = false;
  #wasAsked = false;
  /** What came while a request was handled. */
  #ahead: Buffer | undefined;

  constructor(options: PlainReaderOptions) {
    this.#options = options;
    this.#socket = options.socket;
  }

  start(): void {
    const socket = this.#socket;
    socket.on("data", this.#onData).on("end", this.#onEnd).on("timeout", this.#onTimeout);
    socket.setTimeout(this.#options.headTimeoutMs);
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#isBusy) return this.#keep(bytes);
    const { maxHeadBytes, requested } = this.#options;
    const request = readPlainRequest(bytes, maxHeadBytes);
    if (request === undefined) return this.#handOver(bytes);
    this.#isBusy = true;
    this.#countFromRequests();
    requested(request, this.#answer(request));
  };

  /**
   * No client of a registry asks before it was answered: whoever does waits, and Node.js reads on. Its end is not to be
   * missed for that: so what it sends is kept as it comes, up to what one head may have.
   */
  #keep(bytes: Buffer): void {
    this.#ahead = this.#ahead === undefined ? bytes : Buffer.concat([this.#ahead, bytes]);
    if (this.#ahead.length > this.#options.maxHeadBytes) this.#socket.pause();
  }

  #answer(request: PlainRequest): PlainResponse {
    const keepAliveSeconds = Math.floor(this.#options.keepAliveTimeoutMs / 1000);
    return new PlainResponse({ socket: this.#socket, request, keepAliveSeconds, onEnd: this.#onAnswered });
  }

  readonly #onAnswered = (isLast: boolean): void => {
    // Whoever has closed its side asks nothing more.
    if (isLast || this.#socket.readableEnded) return this.#socket.destroySoon();
    this.#isBusy = false;
    if (this.#ahead !== undefined) this.#handOver(this.#ahead);
  };

  #countFromRequests(): void {
    if (!this.#wasAsked) this.#socket.setTimeout(this.#options.keepAliveTimeoutMs);
    this.#wasAsked = true;
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.off("data", this.#onData).off("end", this.#onEnd).off("timeout", this.#onTimeout);
    socket.setTimeout(0);
    socket.pause();
    socket.unshift(bytes);
    this.#options.handOver(socket);
    socket.resume();
  }

  readonly #onEnd = (): void => {
    if (!this.#isBusy) this.#socket.end();
  };

  readonly #onTimeout = (): void => {
    if (!this.#isBusy) this.#socket.destroy();
  };
}
