/** 16 KiB: a TLS record (RFC 8446 §5.1). What comes beyond a buffer has pages of it. */
export const RECORD_BYTES = 16 * 1024;

/** 64 KiB: what Node.js reads at once, four records. */
export const SMALL_BUFFER_BYTES = 64 * 1024;

/** 64 MiB of buffers in all: 256 fast transfers. Beyond it everyone gets a small one. */
const MAX_LEASED_BYTES = 64 * 1024 * 1024;

/** 2 MiB are kept for the next lease: fresh memory costs a page fault for every 4 KiB. */
const MAX_SPARE_BYTES = 2 * 1024 * 1024;

/** 8 MiB without a long wait for the client: twice what the kernel holds of a response (tcp_wmem), so the client itself is fast. */
const FAST_AFTER_BYTES = 8 * 1024 * 1024;

/** Memory into which bodies are read, counted. */
export class ReadBuffers {
  readonly #spare = new Map<number, Buffer[]>();
  #spareBytes = 0;
  #leasedBytes = 0;

  /** Bytes that are in use now. */
  get leasedBytes(): number {
    return this.#leasedBytes;
  }

  lease(wantedBytes: number): Buffer {
    const isTooMuch = this.#leasedBytes + wantedBytes > MAX_LEASED_BYTES;
    const bytes = isTooMuch ? Math.min(wantedBytes, SMALL_BUFFER_BYTES) : wantedBytes;
    this.#leasedBytes += bytes;
    const spare = this.#spare.get(bytes)?.pop();
    if (spare === undefined) return Buffer.allocUnsafeSlow(bytes);
    this.#spareBytes -= bytes;
    return spare;
  }

  /** Takes back a buffer that nobody reads or writes any more. */
  release(buffer: Buffer): void {
    this.abandon(buffer);
    if (this.#spareBytes + buffer.length > MAX_SPARE_BYTES) return;
    this.#spareBytes += buffer.length;
    const spare = this.#spare.get(buffer.length);
    if (spare === undefined) this.#spare.set(buffer.length, [buffer]);
    else spare.push(buffer);
  }

  /** Takes back a buffer that the kernel or a half-dead connection may still use: it is left to the garbage collector. */
  abandon(buffer: Buffer): void {
    this.#leasedBytes -= buffer.length;
  }
}

/** 100 ms: a fast client of a busy machine takes what it left after a few; one on a slow line takes seconds. */
const SLOW_AFTER_MS = 100;

/** How large a buffer one transfer should have: large ones save system calls, but only for clients that keep up. */
export class BufferSize {
  readonly #largest: number;
  #bytes = SMALL_BUFFER_BYTES;
  #takenAtOnce = 0;

  constructor(largest: number) {
    this.#largest = largest;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The client took as much without waiting. */
  tookAtOnce(bytes: number): void {
    this.#takenAtOnce += bytes;
    if (this.#takenAtOnce < FAST_AFTER_BYTES) return;
    this.#bytes = this.#largest;
  }

  /** The client had to be waited for. A short wait says nothing: the machine is busy. */
  waited(ms: number): void {
    if (ms < SLOW_AFTER_MS) return;
    this.#takenAtOnce = 0;
    this.#bytes = SMALL_BUFFER_BYTES;
  }
}
