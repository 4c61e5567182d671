import { MAX_DISCARDED_BYTES, readAway } from "./discard.ts";
import type { UpstreamBody } from "./exchange.ts";
import type { Intake } from "./intake.ts";
import type { Reader, UpstreamConnection } from "./upstream-connection.ts";
import { closedByUpstream, toUpstreamError, UpstreamError } from "./upstream-error.ts";

export interface ConnectionBodyOptions {
  readonly connection: UpstreamConnection;
  readonly intake: Intake;
  readonly host: string;
  readonly stallTimeoutMs: number;
  /** Its whole length, where it is known. */
  readonly bytes?: number;
  /** The last byte was read: the connection is free, though the client may have to take some yet. */
  readonly onRead: () => void;
  /** It was delivered, or failed. */
  readonly onOver: () => void;
}

interface Sink {
  readonly onChunk: (chunk: Buffer) => boolean;
  readonly resolve: () => void;
  readonly reject: (error: UpstreamError) => void;
}

/**
 * A body on its way from a connection to a client. Reading and writing take turns: what is read is written when it
 * fills its memory or when nothing more comes, and nothing is read while the client has not taken what was written.
 */
export class ConnectionBody implements Reader, UpstreamBody {
  readonly #options: ConnectionBodyOptions;
  readonly #connection: UpstreamConnection;
  readonly #intake: Intake;
  #sink: Sink | undefined;
  /** The client has to take the last chunk first. */
  #isBlocked = false;
  #blockedSinceMs = 0;
  #isPaused = false;
  #isRead = false;
  /** Why no more comes. Told after what came before it. */
  #cut: UpstreamError | undefined;
  #failure: UpstreamError | undefined;
  #isOver = false;
  #stallTimer: NodeJS.Timeout | undefined;
  #waitsForBurst = false;
  #cameSince = false;

  constructor(options: ConnectionBodyOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.#intake = options.intake;
    this.#check();
  }

  space(): Uint8Array {
    return this.#intake.space();
  }

  received(bytes: number): void {
    this.#intake.received(bytes);
    this.#check();
    if (this.#isOver) return;
    if (this.#isRead || this.#intake.isFull) this.#pour();
    else this.#pourAfterBurst();
    if (this.#sink === undefined && this.#intake.isFull) this.#pause();
  }

  ended(error: Error | undefined): void {
    this.#cut ??= toUpstreamError(error ?? closedByUpstream(), this.#options.host);
    this.#pour();
  }

  deliver(onChunk: (chunk: Buffer) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#sink = { onChunk, resolve, reject };
      this.#stallTimer = setTimeout(() => this.#onSilence(), this.#options.stallTimeoutMs);
      this.#goOn();
    });
  }

  resume(): void {
    if (!this.#isBlocked || this.#isOver) return;
    this.#isBlocked = false;
    this.#intake.free(Math.max(1, performance.now() - this.#blockedSinceMs));
    this.#stallTimer?.refresh();
    this.#goOn();
  }

  discard(): void {
    const cut = (): void => this.fail(new UpstreamError("proxy", "discarded"));
    // A body that is being read already had its time.
    if (this.#sink !== undefined || (this.#options.bytes ?? 0) > MAX_DISCARDED_BYTES) cut();
    else readAway((onChunk) => this.deliver(onChunk), cut);
  }

  /** Ends it at once: a connection with an unread rest is never used again. */
  fail(error: UpstreamError): void {
    if (this.#isOver) return;
    this.#failure = error;
    if (!this.#isRead) this.#connection.destroy();
    this.#intake.abandon();
    this.#end();
    this.#sink?.reject(error);
  }

  /** Looks at what came last. */
  #check(): void {
    if (this.#intake.isMalformed) {
      this.#cut ??= toUpstreamError(closedByUpstream(), this.#options.host);
      this.#connection.destroy();
    }
    if (!this.#intake.isWhole || this.#isRead) return;
    this.#isRead = true;
    // The last bytes may come though it was paused, and whoever uses it next pauses it when it has to.
    this.#unpause();
    this.#options.onRead();
  }

  #goOn(): void {
    this.#pour();
    if (!this.#isBlocked && !this.#isOver) this.#unpause();
  }

  /** Delivers what is here, until the client wants no more. */
  #pour(): void {
    if (this.#sink === undefined || this.#isBlocked) return;
    for (let chunk = this.#intake.take(); chunk !== undefined; chunk = this.#intake.take()) {
      this.#stallTimer?.refresh();
      const isFree = this.#sink.onChunk(chunk);
      if (this.#isOver) return;
      if (!isFree) {
        this.#isBlocked = true;
        this.#blockedSinceMs = performance.now();
        this.#pause();
        return;
      }
      this.#intake.free(0);
    }
    if (this.#isRead) this.#finish(this.#sink);
    else if (this.#cut !== undefined) this.fail(this.#cut);
  }

  /**
   * Records of one burst come one by one, and each write costs a system call: it waits until a turn of the event loop
   * brings nothing more.
   */
  #pourAfterBurst(): void {
    this.#cameSince = true;
    if (this.#waitsForBurst) return;
    this.#waitsForBurst = true;
    setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#waitsForBurst = this.#cameSince && !this.#isOver;
    this.#cameSince = false;
    if (this.#waitsForBurst) setImmediate(this.#onTurn);
    else if (!this.#isOver) this.#pour();
  };

  #pause(): void {
    if (this.#isPaused || this.#isRead) return;
    this.#isPaused = true;
    this.#connection.pause();
  }

  #unpause(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#connection.resume();
  }

  /** Only silence that somebody waits for is a stall. */
  #onSilence(): void {
    if (this.#isBlocked || this.#isRead) return;
    this.fail(new UpstreamError("stalled", `${this.#options.host}: the response stalled`));
  }

  #finish(sink: Sink): void {
    if (this.#isOver) return;
    this.#intake.close();
    this.#end();
    sink.resolve();
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#stallTimer);
    this.#options.onOver();
  }
}

/** A body that came with its head, or none at all. */
export function wholeBody(whole: Buffer): UpstreamBody {
  return {
    whole,
    deliver: (onChunk) => {
      if (whole.length > 0) onChunk(whole);
      return Promise.resolve();
    },
    resume: () => {},
    discard: () => {},
  };
}
