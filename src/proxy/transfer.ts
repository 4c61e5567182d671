import { STATUS_CODES } from "../node-http.ts";
import type { Failure } from "../pull/outcome.ts";
import type { Observer, TransferFinished } from "../pull/transfer-event.ts";
import { Cancellation, type CancelSignal } from "../upstream/cancellation.ts";
import type { RawHeaders } from "../upstream/raw-headers.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { ClientResponse } from "./client-response.ts";
import type { Connection } from "./connection.ts";
import type { Listener } from "./listener.ts";
import { Waits } from "./waits.ts";
import { readResponseFacts } from "./response-facts.ts";

export interface TransferOptions {
  readonly id: number;
  readonly connection: Connection;
  readonly response: ClientResponse;
  readonly observe: Observer;
  readonly now: () => number;
}

/** Head of a response to a client. */
export interface Head {
  readonly status: number;
  readonly statusText?: string;
  readonly headers: RawHeaders;
  /** host[:port] that answered; absent for responses of the proxy itself. */
  readonly host?: string;
  /** Why the proxy itself answers. */
  readonly failure?: Failure;
}

/** What the body said. */
type Known = Pick<TransferFinished, "manifest" | "verified">;

/** One request of a client until its end, of which there is exactly one: `end` or `fail`, whichever comes first. */
export class Transfer {
  readonly id: number;
  readonly #options: TransferOptions;
  readonly #cancellation = new Cancellation();
  #over = false;
  #isDelivered = false;
  #isWritten = false;
  /** Body bytes given to the client. */
  bytes = 0;
  /** From the moment on that a body streams. */
  waits: Waits | undefined;
  #writtenMs = 0;

  constructor(options: TransferOptions) {
    this.id = options.id;
    this.#options = options;
    options.connection.add(this);
  }

  /** Aborted when nobody wants the response any more. */
  get signal(): CancelSignal {
    return this.#cancellation;
  }

  get listener(): Listener {
    return this.#options.connection.listener;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Everything was handed to the connection. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** Writes the head and reports it. Throws if it cannot be written. */
  respond(head: Head): void {
    const { connection, observe, now, response } = this.#options;
    response.writeHead(head.status, reasonPhrase(head), head.headers, connection.isClosing);
    const atMs = now();
    observe({ type: "responded", atMs, transfer: this.id, ...readResponseFacts(head, atMs) });
  }

  /** The body streams from now on. */
  beginWaits(): void {
    this.waits = new Waits(this.#options.now);
  }

  /** Bytes of the body are about to be written. */
  writing(): void {
    this.#writtenMs = this.#options.now();
  }

  /** The body was given whole. A client that was told its length has it then, and may go away before `end`. */
  delivered(): void {
    const { response } = this.#options;
    this.#isDelivered = !response.isChunked && response.writableLength === 0;
  }

  /**
   * Ends the response, behind `last` if there is more to write, and reports that it was delivered whole. As soon as a
   * client has everything it may ask for something else, of another process: so the end is told at once where the kernel
   * took all, with the time before the last byte was written.
   */
  end(last?: string | Buffer, known?: Known): void {
    const { connection, response } = this.#options;
    if (this.#isDelivered && !connection.isOpen) return this.#finish(this.#writtenMs, known);
    // Only a body whose length was told is over without what is written here.
    if (last !== undefined || response.isChunked || this.bytes === 0) this.writing();
    const wasTaken = response.writableLength === 0;
    this.#isWritten = true;
    response.end(last, () => this.#finish(this.#options.now(), known));
    if (wasTaken && response.writableLength === 0 && connection.isOpen) this.#finish(this.#writtenMs, known);
  }

  #finish(atMs: number, known: Known = {}): void {
    if (!this.#end()) return;
    const { observe } = this.#options;
    observe({
      type: "finished",
      atMs,
      transfer: this.id,
      bytes: this.bytes,
      ...(this.waits && { waits: this.waits.read() }),
      ...known,
    });
  }

  /** The exchange is over before the response was whole. Cuts both sides: a short body never ends cleanly. */
  fail(failure: Failure): void {
    const { connection, observe, now } = this.#options;
    if (this.#isDelivered) return connection.cut();
    if (!this.#end()) return;
    const waits = this.waits && { waits: this.waits.read() };
    observe({ type: "failed", atMs: now(), transfer: this.id, bytes: this.bytes, failure, ...waits });
    this.#cancellation.abort(new UpstreamError(failure, "the transfer is over"));
    connection.cut();
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#options.connection.delete(this);
    return true;
  }
}

// RFC 9112 §4: clients ignore the phrase. One that is no ASCII was decoded on the way and is replaced.
const ASCII = /^[\t\x20-\x7e]*$/;

function reasonPhrase({ status, statusText }: Head): string {
  return statusText !== undefined && ASCII.test(statusText) ? statusText : (STATUS_CODES[status] ?? "");
}
