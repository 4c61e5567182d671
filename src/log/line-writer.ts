import { write } from "node:fs";

/** 4 MiB, some thousand lines: beyond it lines are dropped, because a log that nobody reads must not fill the memory. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** 50 ms until a full pipe is tried again. */
const RETRY_MS = 50;

/**
 * Writes lines to a file descriptor in order, without ever blocking the process on who reads them: a stuck log
 * collector costs lines, not pulls. Never throws; a descriptor that is broken (EPIPE, ENOSPC) swallows what it cannot take.
 */
export class LineWriter {
  readonly #descriptor: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #writing = false;
  #idle: Array<() => void> = [];

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** `line` ends with its line break. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#writing) this.#writeWaiting();
  }

  /** Resolves when nothing is waiting any more, at the latest after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void> {
    if (!this.#writing) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #writeWaiting(): void {
    this.#writing = true;
    const chunk = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#writeChunk(chunk);
  }

  #writeChunk(chunk: Buffer): void {
    write(this.#descriptor, chunk, (error, written) => {
      if (error?.code === "EAGAIN") {
        setTimeout(() => this.#writeChunk(chunk), RETRY_MS);
      } else if (error === null && written < chunk.length) {
        this.#waitingBytes -= written;
        this.#writeChunk(chunk.subarray(written));
      } else {
        this.#waitingBytes -= chunk.length;
        this.#continue();
      }
    });
  }

  #continue(): void {
    this.#writing = false;
    this.#reportDropped();
    if (this.#writing) return;
    if (this.#waiting.length > 0) return this.#writeWaiting();
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    const ts = new Date().toISOString();
    this.write(`${JSON.stringify({ level: "warn", ts, dropped, msg: "log lines dropped: the reader is too slow" })}\n`);
  }
}
