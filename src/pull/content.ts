import { Coverage } from "./coverage.ts";
import type { Cause } from "./outcome.ts";
import type { FinishedBlob } from "./pull-event.ts";

export type Role = FinishedBlob["role"];

/** One manifest or blob that a pull asked for, over all its requests. */
export class Content {
  /** Digest, or the tag until the digest is known. */
  readonly key: string;
  role: Role;
  sizeBytes: number | undefined;
  requests = 0;
  /** Requests without an end. */
  open = 0;
  deliveredBytes = 0;
  readonly startMs: number;
  firstByteMs: number | undefined;
  endMs: number;
  lastStatus: number | undefined;
  servingHost: string | undefined;
  /** Delivered whole, or answered so that the bytes come from elsewhere (307). */
  done = false;
  /** Why the last request failed; undefined while one is open or after a success. */
  failure: { readonly cause: Cause; readonly atMs: number } | undefined;
  /** When `Retry-After` of the last failure lets the client ask again. */
  retryAtMs: number | undefined;
  #answered = false;
  #coverage = new Coverage();

  constructor(key: string, role: Role, atMs: number) {
    this.key = key;
    this.role = role;
    this.startMs = atMs;
    this.endMs = atMs;
  }

  /** Where a client that reads in order goes on after a cut. */
  get offset(): number {
    return this.#coverage.prefix();
  }

  /** When the body was cut, so that the rest is still to be asked for. */
  get cutMs(): number | undefined {
    return this.failure?.cause === "truncated" ? this.failure.atMs : undefined;
  }

  /** Bytes [start, start + length) arrived. */
  cover(start: number, length: number): void {
    this.#coverage.add(start, start + length);
    if (this.sizeBytes !== undefined && length > 0 && this.#coverage.covers(this.sizeBytes)) this.succeed();
  }

  /** A HEAD was answered: nothing to deliver, and nothing failed. */
  answer(): void {
    this.#answered = true;
    this.failure = undefined;
  }

  /** The client asks for everything again. */
  beginAgain(): void {
    this.done = false;
    this.failure = undefined;
    this.#coverage = new Coverage();
  }

  succeed(): void {
    this.done = true;
    this.failure = undefined;
  }

  fail(cause: Cause, atMs: number): void {
    if (!this.done) this.failure = { cause, atMs };
  }

  /** Failed although every byte is there. */
  breakOff(cause: Cause, atMs: number): void {
    this.done = false;
    this.failure = { cause, atMs };
  }

  toFinishedBlob(): FinishedBlob {
    return {
      role: this.role,
      digest: this.key,
      ...(this.sizeBytes === undefined ? {} : { sizeBytes: this.sizeBytes }),
      deliveredBytes: this.deliveredBytes,
      requests: this.requests,
      startMs: this.startMs,
      ...(this.firstByteMs === undefined ? {} : { firstByteMs: this.firstByteMs }),
      endMs: this.endMs,
      done: this.done || (this.#answered && this.failure === undefined),
      ...(this.lastStatus === undefined ? {} : { lastStatus: this.lastStatus }),
      ...(this.servingHost === undefined ? {} : { servingHost: this.servingHost }),
    };
  }
}
