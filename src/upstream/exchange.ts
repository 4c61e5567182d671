import type { Dispatcher } from "undici";
import type { CancelSignal } from "./cancellation.ts";
import { readAway } from "./discard.ts";
import { headerValue } from "./raw-headers.ts";
import { toUpstreamError, UpstreamError } from "./upstream-error.ts";

/** One request to one origin. Header names and values alternate in `headers`, as Node.js' `rawHeaders` do. */
export interface ExchangeRequest {
  readonly origin: URL;
  /** Path and query as they go on the wire; an absolute URL when `dispatcher` is a plain HTTP proxy. */
  readonly path: string;
  readonly method: "GET" | "HEAD" | "POST";
  /** Of a POST. */
  readonly body?: Buffer;
  readonly headers: readonly string[];
  readonly dispatcher: Dispatcher;
  /** Aborted with an UpstreamError as reason when nobody wants the response any more. */
  readonly signal: CancelSignal;
  /** Until the response's head, in milliseconds. */
  readonly headTimeoutMs: number;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly statusText: string;
  /** Names and values alternate; case, order and duplicates are the upstream's. */
  readonly headers: readonly string[];
  /** host[:port] that answered. */
  readonly host: string;
  readonly body: UpstreamBody;
}

/** A response's body that waits until somebody wants it. Its owner must deliver or discard it. */
export interface UpstreamBody {
  /** All of it, if it is here already, in memory of its own. */
  readonly whole?: Buffer;
  /**
   * Gives every chunk to `onChunk`. It returns true when the chunk's memory is free again: its bytes are in the kernel,
   * or were copied. False: it is still needed, and nothing more is given until `resume`, which is never called from
   * within `onChunk`. Resolves when everything was given and is free; rejects with an UpstreamError when the body
   * stalled or was cut short.
   */
  deliver(onChunk: (chunk: Buffer) => boolean): Promise<void>;
  /** The memory of the last chunk is free. Means nothing if it was before. */
  resume(): void;
  /** Reads a short rest, so that the connection can be used again, or cuts a long one. */
  discard(): void;
}

/** Sends one request and resolves with the head of its final response. Rejects with an UpstreamError. */
export function exchange(request: ExchangeRequest): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    const handler = new ExchangeHandler(request, resolve, reject);
    const { origin, path, method, headers, body = null } = request;
    // Without `reset: false` undici closes the connection after each HEAD.
    request.dispatcher.dispatch({ origin, path, method, headers: [...headers], body, reset: false }, handler);
  });
}

class ExchangeHandler implements Dispatcher.DispatchHandler, UpstreamBody {
  readonly #request: ExchangeRequest;
  readonly #resolve: (response: UpstreamResponse) => void;
  readonly #reject: (error: UpstreamError) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #error: UpstreamError | undefined;
  #ended = false;
  /** What came while nobody wanted it: undici delivers what it holds when the connection ends. */
  readonly #held: Buffer[] = [];
  #sink: { onChunk(chunk: Buffer): boolean; end(): void; fail(error: UpstreamError): void } | undefined;
  #isBlocked = false;

  constructor(
    request: ExchangeRequest,
    resolve: (response: UpstreamResponse) => void,
    reject: (error: UpstreamError) => void,
  ) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onAbort = () => this.#fail(toUpstreamError(request.signal.reason, request.origin.host));
    this.#timer = setTimeout(() => {
      this.#fail(new UpstreamError("header_timeout", `${request.origin.host}: no response in time`));
    }, request.headTimeoutMs);
    if (request.signal.aborted) this.#onAbort();
    else request.signal.addEventListener("abort", this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#error !== undefined) controller.abort(this.#error);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    // RFC 9110 §15.2: interim responses come before the final one. No client of a registry asks for them.
    if (status < 200) return;
    clearTimeout(this.#timer);
    controller.pause();
    const headers = toText(controller.rawHeaders);
    const { host } = this.#request.origin;
    if (this.#request.method !== "HEAD" && isCoded(headers)) {
      this.#fail(new UpstreamError("truncated", `${host}: the response has a transfer coding that is not undone here`));
      return;
    }
    this.#resolve({ status, statusText: statusText ?? "", headers, host, body: this });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#held.push(chunk);
    this.#pour();
    if (this.#isBlocked) controller.pause();
  }

  onResponseEnd(): void {
    this.#settle();
    this.#ended = true;
    this.#pour();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(toUpstreamError(error, this.#request.origin.host));
  }

  deliver(onChunk: (chunk: Buffer) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sink = { onChunk, end: resolve, fail: reject };
      this.#pour();
      if (this.#error !== undefined) reject(this.#error);
      else if (!this.#isBlocked) this.#controller?.resume();
    });
  }

  resume(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#pour();
    if (!this.#isBlocked) this.#controller?.resume();
  }

  #pour(): void {
    if (this.#sink === undefined) return;
    while (!this.#isBlocked) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      this.#isBlocked = !this.#sink.onChunk(chunk);
    }
    if (this.#ended && !this.#isBlocked) this.#sink.end();
  }

  discard(): void {
    const cut = (): void => this.#fail(new UpstreamError("proxy", "discarded"));
    // A body that is being read already had its time.
    if (this.#sink !== undefined) cut();
    else readAway((onChunk) => this.deliver(onChunk), cut);
  }

  /** Ends the exchange at once: a connection with an unread rest is never used again. */
  #fail(error: UpstreamError): void {
    if (this.#error !== undefined || this.#ended) return;
    this.#error = error;
    this.#settle();
    this.#controller?.abort(error);
    this.#reject(error);
    this.#sink?.fail(error);
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#request.signal.removeEventListener("abort", this.#onAbort);
  }
}

/** Header bytes are ISO-8859-1 to Node.js on both sides, so that any byte comes out as it went in. */
function toText(raw: Dispatcher.DispatchController["rawHeaders"]): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((text) => (typeof text === "string" ? text : text.toString("latin1")));
}

/**
 * RFC 9112 §7: codings other than chunked belong to this hop, and would have to be undone. `identity` was one that does
 * nothing (RFC 2616 §3.6).
 */
function isCoded(headers: readonly string[]): boolean {
  const coding = headerValue(headers, "transfer-encoding")?.trim().toLowerCase() ?? "identity";
  return coding !== "chunked" && coding !== "identity";
}
