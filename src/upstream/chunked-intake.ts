import { ChunkedCoding } from "./chunked-coding.ts";
import type { Intake } from "./intake.ts";
import { LANDING } from "./upstream-connection.ts";

/** A body in chunks. No registry sends blobs so: its bytes are copied. */
export class ChunkedIntake implements Intake {
  readonly #coding = new ChunkedCoding();
  readonly #pieces: Buffer[] = [];
  #isSpoiled = false;

  constructor(early: Buffer) {
    this.#decode(early);
  }

  get isFull(): boolean {
    return true;
  }

  get isWhole(): boolean {
    return this.#coding.isWhole;
  }

  get isSpoiled(): boolean {
    return this.#isSpoiled || !this.#coding.isPlain;
  }

  get isMalformed(): boolean {
    return this.#coding.isMalformed;
  }

  space(): Uint8Array {
    return LANDING;
  }

  received(bytes: number): void {
    this.#decode(LANDING.subarray(0, bytes));
  }

  take(): Buffer | undefined {
    const whole = Buffer.concat(this.#pieces);
    this.#pieces.length = 0;
    return whole.length === 0 ? undefined : whole;
  }

  free(): void {}
  close(): void {}
  abandon(): void {}

  #decode(bytes: Buffer): void {
    const read = this.#coding.decode(bytes, (data) => this.#pieces.push(Buffer.from(data)));
    if (read < bytes.length) this.#isSpoiled = true;
  }
}
