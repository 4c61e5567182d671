import { afterTurn, atTurnEnd } from "../turn-end.ts";
import type { CancelSignal } from "./cancellation.ts";
import { ChunkedIntake } from "./chunked-intake.ts";
import { ConnectionBody, wholeBody } from "./connection-body.ts";
import type { Dial } from "./connect.ts";
import type { UpstreamBody, UpstreamResponse } from "./exchange.ts";
import { LengthIntake } from "./length-intake.ts";
import type { ReadBuffers } from "./read-buffer.ts";
import { couldBecomeHead, HEAD_END, parseResponseHead, type ResponseHead } from "./response-head.ts";
import { LANDING, type Reader, type UpstreamConnection } from "./upstream-connection.ts";
import { closedByUpstream, toUpstreamError, UpstreamError } from "./upstream-error.ts";

/** One request without a body, straight to its origin. Names and values alternate in `headers`, Host among them. */
export interface BlobRequest {
  readonly dial: Omit<Dial, "proxy">;
  /** Path and query as they go on the wire. */
  readonly path: string;
  readonly method: "GET" | "HEAD";
  readonly headers: readonly string[];
  /** Aborted with an UpstreamError as reason when nobody wants the response any more. */
  readonly signal: CancelSignal;
  /** Until the response's head, in milliseconds. */
  readonly headTimeoutMs: number;
}

/** Who makes the exchanges, and keeps their connections. `key`: those with equal keys may use the same. */
export interface ExchangeHome {
  readonly stallTimeoutMs: number;
  readonly maxHeadBytes: number;
  readonly buffers: ReadBuffers;
  /** How many exchanges are not settled. */
  readonly underWay: number;
  takeIdle(key: string): UpstreamConnection | undefined;
  connect(dial: BlobRequest["dial"]): Promise<UpstreamConnection>;
  /** Takes back a connection that is good for another request. */
  keep(key: string, connection: UpstreamConnection, serverKeepsMs: number | undefined): void;
  /** The exchange has its response, or none. */
  settled(): void;
  /** The answer is of a kind that is not read here. */
  foundOdd(key: string): void;
  /** A connection that was used before is gone. */
  foundStale(key: string): void;
}

/** One request and the head of its response. */
export class BlobExchange implements Reader {
  /** Undefined for an answer of a kind that is not read here. Rejects with an UpstreamError. */
  readonly response: Promise<UpstreamResponse | undefined>;
  readonly #request: BlobRequest;
  readonly #key: string;
  readonly #home: ExchangeHome;
  readonly #host: string;
  readonly #timer: NodeJS.Timeout;
  #resolve: (response: UpstreamResponse | undefined) => void = () => {};
  #reject: (error: UpstreamError) => void = () => {};
  #connection: UpstreamConnection | undefined;
  /** A head that did not come at once. */
  #partial: Buffer | undefined;
  #body: ConnectionBody | undefined;
  #isSent = false;
  #isOver = false;

  constructor(request: BlobRequest, key: string, home: ExchangeHome) {
    this.#request = request;
    this.#key = key;
    this.#home = home;
    const { signal, headTimeoutMs, dial } = request;
    this.#host = dial.origin.host;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(() => {
      this.#fail(new UpstreamError("header_timeout", `${this.#host}: no response in time`));
    }, headTimeoutMs);
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) this.#onAbort();
    else this.#start();
  }

  space(): Uint8Array {
    return LANDING;
  }

  received(bytes: number): void {
    // It answers nobody: a server that gives up an idle connection may say so before it ends it.
    if (!this.#isSent) return this.ended(undefined);
    const came = LANDING.subarray(0, bytes);
    const read = this.#partial === undefined ? came : Buffer.concat([this.#partial, came]);
    const known = this.#partial?.length ?? 0;
    const end = read.indexOf(HEAD_END, Math.max(0, known - HEAD_END.length));
    const { maxHeadBytes } = this.#home;
    if (end === -1) {
      // From one byte before: whether a line ends well takes two.
      const isHopeful = read.length <= maxHeadBytes && couldBecomeHead(read, Math.max(0, known - 1));
      if (isHopeful) this.#partial = Buffer.from(read);
      else this.#giveBack();
      return;
    }
    const head =
      end > maxHeadBytes ? undefined : parseResponseHead(read.toString("latin1", 0, end), this.#request.method);
    if (head === undefined) this.#giveBack();
    // RFC 9110 §15.5.9: a server that gave up an idle connection may say so, which crosses with the request.
    else if (head.status === 408 && this.#connection?.wasUsed === true) this.ended(undefined);
    else this.#respond(head, read.subarray(end + HEAD_END.length));
  }

  ended(error: Error | undefined): void {
    if (this.#connection?.wasUsed === true) this.#home.foundStale(this.#key);
    this.#fail(toUpstreamError(error ?? closedByUpstream(), this.#host));
  }

  #start(): void {
    const idle = this.#home.takeIdle(this.#key);
    if (idle !== undefined) {
      this.#send(idle);
      return;
    }
    this.#home.connect(this.#request.dial).then(
      (connection) => this.#send(connection),
      (error: unknown) => this.#fail(toUpstreamError(error, this.#host)),
    );
  }

  #send(connection: UpstreamConnection): void {
    // Nobody waits any more, or it was lost as soon as it was made.
    if (this.#isOver) return connection.destroy();
    this.#connection = connection;
    if (!connection.isOpen) return this.ended(undefined);
    connection.reader = this;
    atTurnEnd(this.#home.underWay, () => {
      if (this.#isOver) return;
      this.#isSent = true;
      connection.write(printHead(this.#request));
    });
  }

  #respond(head: ResponseHead, early: Buffer): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    clearTimeout(this.#timer);
    const { status, statusText, headers } = head;
    const body = this.#openBody(connection, head, early);
    this.#isOver = true;
    this.#home.settled();
    this.#resolve({ status, statusText, headers, host: this.#host, body });
  }

  /** `early` is the part of it that came with the head. */
  #openBody(connection: UpstreamConnection, head: ResponseHead, early: Buffer): UpstreamBody {
    const { framing } = head;
    const bytes = framing.kind === "length" ? framing.bytes : 0;
    if (framing.kind !== "chunked" && early.length >= bytes) {
      this.#release(connection, head, early.length > bytes);
      this.#forgetSignal();
      return wholeBody(Buffer.from(early.subarray(0, bytes)));
    }
    const { buffers, stallTimeoutMs } = this.#home;
    const intake =
      framing.kind === "chunked" ? new ChunkedIntake(early) : new LengthIntake(bytes, early, connection.isTls, buffers);
    const body = new ConnectionBody({
      connection,
      intake,
      host: this.#host,
      stallTimeoutMs,
      onRead: () => this.#release(connection, head, intake.isSpoiled),
      onOver: () => this.#forgetSignal(),
      ...(framing.kind === "length" && { bytes }),
    });
    this.#body = body;
    if (!intake.isWhole && !intake.isMalformed) connection.reader = body;
    return body;
  }

  /** The response was read whole. */
  #release(connection: UpstreamConnection, { keepsAlive, keepAliveSeconds }: ResponseHead, isSpoiled: boolean): void {
    connection.reader = undefined;
    connection.wasUsed = true;
    if (isSpoiled || !keepsAlive) {
      connection.destroy();
      return;
    }
    const serverKeepsMs = keepAliveSeconds === undefined ? undefined : keepAliveSeconds * 1000;
    // Not before the read burst is over: bytes behind the response must not be taken for the next one.
    afterTurn(() => this.#home.keep(this.#key, connection, serverKeepsMs));
  }

  /** The answer is asked for again elsewhere; this connection has an unread rest. */
  #giveBack(): void {
    if (this.#isOver) return;
    this.#end();
    this.#home.foundOdd(this.#key);
    this.#resolve(undefined);
  }

  #fail(error: UpstreamError): void {
    if (this.#isOver) return;
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#isOver = true;
    this.#home.settled();
    clearTimeout(this.#timer);
    this.#forgetSignal();
    this.#connection?.destroy();
  }

  readonly #onAbort = (): void => {
    const error = toUpstreamError(this.#request.signal.reason, this.#host);
    if (this.#body === undefined) this.#fail(error);
    else this.#body.fail(error);
  };

  #forgetSignal(): void {
    this.#request.signal.removeEventListener("abort", this.#onAbort);
  }
}

function printHead({ method, path, headers }: BlobRequest): string {
  let text = `${method} ${path} HTTP/1.1\r\n`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${text}Connection: keep-alive\r\n\r\n`;
}
