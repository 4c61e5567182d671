import type { Intake } from "./intake.ts";
import { Overflow } from "./overflow.ts";
import { BufferSize, RECORD_BYTES, SMALL_BUFFER_BYTES, type ReadBuffers } from "./read-buffer.ts";
import { LANDING } from "./upstream-connection.ts";

/** 256 KiB: more is no faster over TLS, because then the buffer leaves the processor's cache. */
const LARGEST_TLS_BYTES = 256 * 1024;

/** 512 KiB: without records each read fills the buffer, and each is a system call. */
const LARGEST_PLAIN_BYTES = 512 * 1024;

/**
 * A body whose length is known. It is read into leased memory and not copied, but for records that come although the
 * connection is paused: they wait until the client has taken what was before them.
 */
export class LengthIntake implements Intake {
  readonly #buffers: ReadBuffers;
  readonly #isTls: boolean;
  readonly #size: BufferSize;
  readonly #overflow: Overflow;
  #left: number;
  /** Filled from the start: up to `#start` it was taken, up to `#end` it is filled. */
  #memory: Buffer;
  #start = 0;
  #end: number;
  /** Node.js writes where bytes must not stay. */
  #lands = false;
  #isTaken = false;
  #takenBytes = 0;
  #isSpoiled = false;
  #isOver = false;

  /** `early` came with the head, in memory that is about to be used again: it is copied. */
  constructor(bytes: number, early: Buffer, isTls: boolean, buffers: ReadBuffers) {
    this.#buffers = buffers;
    this.#isTls = isTls;
    this.#size = new BufferSize(isTls ? LARGEST_TLS_BYTES : LARGEST_PLAIN_BYTES);
    this.#overflow = new Overflow(buffers);
    this.#memory = buffers.lease(SMALL_BUFFER_BYTES);
    this.#left = bytes - early.length;
    this.#end = early.copy(this.#memory);
  }

  get isFull(): boolean {
    return !this.#isTls || !this.#overflow.isEmpty || this.#memory.length - this.#end < RECORD_BYTES;
  }

  get isWhole(): boolean {
    return this.#left === 0;
  }

  get isSpoiled(): boolean {
    return this.#isSpoiled;
  }

  get isMalformed(): boolean {
    return false;
  }

  space(): Uint8Array {
    // A plaintext connection reads nothing until what was taken is free.
    if (this.#isEmpty && this.#overflow.isEmpty && !(this.#isTaken && this.#isTls)) this.#begin();
    this.#lands = !this.#overflow.isEmpty || this.#end === this.#memory.length;
    if (this.#lands) return LANDING;
    return this.#end === 0 ? this.#memory : this.#memory.subarray(this.#end);
  }

  received(bytes: number): void {
    const own = Math.min(bytes, this.#left);
    if (this.#lands) this.#overflow.add(LANDING.subarray(0, own));
    else this.#end += own;
    if (bytes > this.#left) this.#isSpoiled = true;
    this.#left -= own;
    this.#moveIn();
  }

  take(): Buffer | undefined {
    this.#moveIn();
    if (this.#isEmpty) return undefined;
    const view = this.#memory.subarray(this.#start, this.#end);
    this.#start = this.#end;
    this.#isTaken = true;
    this.#takenBytes = view.length;
    return view;
  }

  free(waitedMs: number): void {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    if (waitedMs === 0) this.#size.tookAtOnce(this.#takenBytes);
    else this.#size.waited(waitedMs);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#buffers.release(this.#memory);
  }

  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#overflow.clear();
    this.#buffers.abandon(this.#memory);
  }

  /** Everything that is in the memory was taken. */
  get #isEmpty(): boolean {
    return this.#start === this.#end;
  }

  /** While there is overflow Node.js writes to the landing: so the memory may change. */
  #moveIn(): void {
    if (this.#overflow.isEmpty || this.#isTaken || !this.#isEmpty) return;
    this.#begin();
    this.#end = this.#overflow.moveTo(this.#memory);
  }

  /** Fills the memory from its start again; or another, if this transfer should have one of another size. */
  #begin(): void {
    this.#start = 0;
    this.#end = 0;
    if (this.#isTaken || this.#memory.length === this.#size.bytes) return;
    this.#buffers.release(this.#memory);
    this.#memory = this.#buffers.lease(this.#size.bytes);
  }
}
