/** Where a body's bytes are put as they come, and taken from to be delivered. */
export interface Intake {
  /** Where the next bytes go; asked right after each `received`. */
  space(): Uint8Array;
  received(bytes: number): void;
  /** What is here should be taken now: waiting would gather no more. */
  readonly isFull: boolean;
  /** The last byte is here. */
  readonly isWhole: boolean;
  /** Bytes came that belong to no body, or in a way that others may understand differently. */
  readonly isSpoiled: boolean;
  readonly isMalformed: boolean;
  /** Everything that is here and was not taken, as one view; its memory stays as it is until `free`. */
  take(): Buffer | undefined;
  /** What was taken last is needed no more. For so long the client was waited for; 0 if it took it at once. */
  free(waitedMs: number): void;
  /** The body was delivered. */
  close(): void;
  /** Nobody knows who still uses the memory. */
  abandon(): void;
}
