import type { Socket } from "node:net";
import { areWritable } from "../upstream/field-line.ts";
import type { RawHeaders } from "../upstream/raw-headers.ts";
import type { ClientResponse } from "./client-response.ts";
import { hasHeader } from "./headers.ts";
import type { PlainRequest } from "./plain-request.ts";

export interface PlainResponseOptions {
  readonly socket: Socket;
  readonly request: PlainRequest;
  /** How long the connection is kept for the next request, in seconds. */
  readonly keepAliveSeconds: number;
  /** All of it was written; `isLast`: the connection is to close. */
  readonly onEnd: (isLast: boolean) => void;
}

/** A response to a plain request, written straight to its socket (RFC 9112 §4 to §7). */
export class PlainResponse implements ClientResponse {
  readonly #options: PlainResponseOptions;
  readonly #socket: Socket;
  /** Settled, but not written yet. */
  #head = "";
  #hasBody = true;
  #isLast: boolean;
  headersSent = false;
  isChunked = false;

  constructor(options: PlainResponseOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#isLast = options.request.isLast;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  writeHead(status: number, phrase: string, headers: RawHeaders, isLast: boolean): void {
    const { request, keepAliveSeconds } = this.#options;
    this.#isLast ||= isLast;
    if (!areWritable(headers)) throw new Error("there are headers that cannot be written");
    let head = `HTTP/1.1 ${status} ${phrase}\r\n`;
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
    // RFC 9110 §6.4.1: whatever such a response says of a length, there is no body.
    this.#hasBody = request.method !== "HEAD" && status !== 204 && status !== 304;
    this.isChunked = this.#hasBody && !hasHeader(headers, "content-length");
    if (this.isChunked) head += "Transfer-Encoding: chunked\r\n";
    head += this.#isLast
      ? "Connection: close\r\n"
      : `Connection: keep-alive\r\nKeep-Alive: timeout=${keepAliveSeconds}\r\n`;
    this.#head = `${head}\r\n`;
    this.headersSent = true;
  }

  write(chunk: Buffer, onTaken?: () => void): void {
    this.#send(this.#takeHead() + this.#sizeOf(chunk), this.#bodyOf(chunk), this.#behind(chunk), onTaken);
  }

  end(last: string | Buffer | undefined, onTaken: () => void): void {
    const chunk = typeof last === "string" ? Buffer.from(last) : (last ?? NOTHING);
    // RFC 9112 §7.1
    const lastChunk = this.isChunked ? "0\r\n\r\n" : "";
    this.#send(this.#takeHead() + this.#sizeOf(chunk), this.#bodyOf(chunk), this.#behind(chunk) + lastChunk, onTaken);
    this.#options.onEnd(this.#isLast);
  }

  /** The head, if it was not written yet. */
  #takeHead(): string {
    const head = this.#head;
    this.#head = "";
    return head;
  }

  #bodyOf(chunk: Buffer): Buffer {
    return this.#hasBody ? chunk : NOTHING;
  }

  #sizeOf({ length }: Buffer): string {
    return this.isChunked && length > 0 ? `${length.toString(16)}\r\n` : "";
  }

  #behind({ length }: Buffer): string {
    return this.isChunked && length > 0 ? "\r\n" : "";
  }

  /** In one call of the system. The memory of a small `body` is free at once. */
  #send(before: string, body: Buffer, behind: string, onTaken?: () => void): void {
    const socket = this.#socket;
    const bytes = before.length + body.length + behind.length;
    // What could not be written was taken by nobody; the end of its connection tells that.
    const onWritten = (error?: Error | null): void => {
      if (!error) onTaken?.();
    };
    if (bytes === 0 && socket.writableLength === 0) {
      setImmediate(() => onWritten(socket.destroyed ? new Error("the connection is closed") : undefined));
      return;
    }
    if (bytes <= SMALL_BYTES) {
      const all = Buffer.allocUnsafe(bytes);
      all.write(before, 0, "latin1");
      all.set(body, before.length);
      all.write(behind, before.length + body.length, "latin1");
      socket.write(all, onWritten);
      return;
    }
    socket.cork();
    if (before !== "") socket.write(before, "latin1");
    socket.write(body, behind === "" ? onWritten : undefined);
    if (behind !== "") socket.write(behind, "latin1", onWritten);
    socket.uncork();
  }
}

const NOTHING = Buffer.alloc(0);

/** 4 KiB: up to here copying costs less than handing over several pieces; half of the pool from which Node.js takes small memory. */
const SMALL_BYTES = 4096;
