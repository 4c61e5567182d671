import { RECORD_BYTES, type ReadBuffers } from "./read-buffer.ts";

/** Bytes that have no place yet, in the order in which they came, in little more memory than they need. */
export class Overflow {
  readonly #buffers: ReadBuffers;
  #pages: Buffer[] = [];
  /** Of the first page: bytes that were moved already. */
  #start = 0;
  /** Of the last page: bytes that are filled. */
  #end = RECORD_BYTES;

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers;
  }

  get isEmpty(): boolean {
    return this.#pages.length === 0;
  }

  /** Copies them. */
  add(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(this.#page(), this.#end, at);
      this.#end += copied;
      at += copied;
    }
  }

  /** Moves the oldest bytes, as many as there is room for. Returns how many. */
  moveTo(memory: Buffer): number {
    let moved = 0;
    for (let [page] = this.#pages; page !== undefined && moved < memory.length; [page] = this.#pages) {
      const end = this.#pages.length === 1 ? this.#end : RECORD_BYTES;
      const copied = page.copy(memory, moved, this.#start, end);
      moved += copied;
      this.#start += copied;
      if (this.#start === end) this.#drop(page);
    }
    return moved;
  }

  /** Forgets them. */
  clear(): void {
    for (const page of this.#pages) this.#drop(page);
  }

  /** Where the next byte goes. */
  #page(): Buffer {
    const last = this.#pages.at(-1);
    if (last !== undefined && this.#end < RECORD_BYTES) return last;
    const next = this.#buffers.lease(RECORD_BYTES);
    this.#pages.push(next);
    this.#end = 0;
    return next;
  }

  #drop(page: Buffer): void {
    this.#pages = this.#pages.filter((each) => each !== page);
    this.#start = 0;
    this.#buffers.release(page);
  }
}
