import type { Intake } from "./intake.ts";
import { BufferSize, SMALL_BUFFER_BYTES, type ReadBuffers } from "./read-buffer.ts";

/** 256 KiB: more is no faster over TLS, because then the buffer leaves the processor's cache. */
const LARGEST_TLS_BYTES = 256 * 1024;

/** 512 KiB: without records each read fills the buffer, and each is a system call. */
const LARGEST_PLAIN_BYTES = 512 * 1024;

/** RFC 8446 §5.1. Node.js gives at most one record at a time. */
const RECORD_BYTES = 16 * 1024;

/** Memory that is filled from the start; what is before `start` was taken. */
class Filling {
  readonly memory: Buffer;
  start = 0;
  end = 0;

  constructor(memory: Buffer) {
    this.memory = memory;
  }

  get room(): number {
    return this.memory.length - this.end;
  }
}

/** A body whose length is known. It is read into leased memory and never copied. */
export class LengthIntake implements Intake {
  readonly #buffers: ReadBuffers;
  readonly #isTls: boolean;
  readonly #size: BufferSize;
  #left: number;
  /** Where Node.js writes. */
  #filling: Filling;
  /** Filled before, the oldest first: records that came although the connection is paused. */
  readonly #full: Filling[] = [];
  #taken: Filling | undefined;
  #takenBytes = 0;
  #isSpoiled = false;
  #isOver = false;

  /** `early` came with the head, in memory that is about to be used again: it is copied. */
  constructor(bytes: number, early: Buffer, isTls: boolean, buffers: ReadBuffers) {
    this.#buffers = buffers;
    this.#isTls = isTls;
    this.#size = new BufferSize(isTls ? LARGEST_TLS_BYTES : LARGEST_PLAIN_BYTES);
    this.#filling = new Filling(buffers.lease(SMALL_BUFFER_BYTES));
    this.#left = bytes - early.length;
    this.#filling.end = early.copy(this.#filling.memory);
  }

  get isFull(): boolean {
    return !this.#isTls || this.#filling.room < RECORD_BYTES;
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
    const filling = this.#filling;
    // A plaintext connection reads nothing until what was taken is free: it needs no second place.
    const isAllFree = filling.start === filling.end && (this.#taken === undefined || !this.#isTls);
    if (isAllFree) {
      if (this.#taken === undefined && filling.memory.length !== this.#size.bytes) this.#renew();
      this.#filling.start = 0;
      this.#filling.end = 0;
    } else if (filling.room === 0) {
      if (filling.start < filling.end) this.#full.push(filling);
      this.#filling = new Filling(this.#buffers.lease(this.#size.bytes));
    }
    const { memory, end } = this.#filling;
    return end === 0 ? memory : memory.subarray(end);
  }

  received(bytes: number): void {
    this.#filling.end += Math.min(bytes, this.#left);
    if (bytes > this.#left) this.#isSpoiled = true;
    this.#left = Math.max(0, this.#left - bytes);
  }

  take(): Buffer | undefined {
    const filling = this.#full[0] ?? this.#filling;
    if (filling.start === filling.end) return undefined;
    const view = filling.memory.subarray(filling.start, filling.end);
    filling.start = filling.end;
    this.#taken = filling;
    this.#takenBytes = view.length;
    if (filling !== this.#filling) this.#full.shift();
    return view;
  }

  free(waitedMs: number): void {
    const taken = this.#taken;
    if (taken === undefined) return;
    this.#taken = undefined;
    if (waitedMs === 0) this.#size.tookAtOnce(this.#takenBytes);
    else this.#size.waited(waitedMs);
    const isDone = taken !== this.#filling && taken.start === taken.end;
    if (isDone) this.#buffers.release(taken.memory);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#buffers.release(this.#filling.memory);
  }

  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const inUse = new Set([...this.#full, this.#filling, ...(this.#taken ? [this.#taken] : [])]);
    for (const { memory } of inUse) this.#buffers.abandon(memory);
  }

  #renew(): void {
    this.#buffers.release(this.#filling.memory);
    this.#filling = new Filling(this.#buffers.lease(this.#size.bytes));
  }
}
