import type { ServerResponse } from "node:http";
import type { RawHeaders } from "../upstream/raw-headers.ts";
import { writableOrder } from "./headers.ts";

/** A response on its way to a client, whoever writes it. */
export interface ClientResponse {
  /** The head is settled: only a body can follow. */
  readonly headersSent: boolean;
  /** The body's end is told by its coding, not by a length. */
  readonly isChunked: boolean;
  /** Bytes that the kernel did not take yet. */
  readonly writableLength: number;
  /** Settles the head; it goes out with what is written first. `isLast`: the connection closes after it. Throws if it cannot be written. */
  writeHead(status: number, phrase: string, headers: RawHeaders, isLast: boolean): void;
  /** Writes before it returns: head and chunk in one call of the system. `onTaken`: the kernel has the chunk. */
  write(chunk: Buffer, onTaken?: () => void): void;
  /** Writes what is left. `onTaken`: the kernel has everything. */
  end(last: string | Buffer | undefined, onTaken: () => void): void;
}

/** A response that Node.js writes. */
export class NodeResponse implements ClientResponse {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    // Date is an end-to-end header: it is the registry's, or nobody's.
    response.sendDate = false;
    // An aborted transfer is told by its connection.
    response.on("error", () => {});
  }

  get headersSent(): boolean {
    return this.#response.headersSent;
  }

  get isChunked(): boolean {
    return this.#response.chunkedEncoding;
  }

  get writableLength(): number {
    return this.#response.writableLength;
  }

  writeHead(status: number, phrase: string, headers: RawHeaders, isLast: boolean): void {
    const ordered = writableOrder(headers);
    if (isLast) ordered.push("Connection", "close");
    this.#response.writeHead(status, phrase, ordered);
  }

  write(chunk: Buffer, onTaken?: () => void): void {
    const response = this.#response;
    // Without it Node.js would wait for the end of this turn of the event loop.
    response.socket?.cork();
    response.write(chunk, onTaken);
    response.socket?.uncork();
  }

  end(last: string | Buffer | undefined, onTaken: () => void): void {
    this.#response.end(last, onTaken);
  }
}
