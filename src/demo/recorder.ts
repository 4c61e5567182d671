import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** One request as the registry saw it. */
export interface RecordedRequest {
  readonly method: string;
  /** Request target, query included. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values as they came, one after the other. */
  readonly rawHeaders: readonly string[];
  /** Numbers the connections in the order of their first request. */
  readonly connection: number;
  /** Milliseconds since the Unix epoch. */
  readonly startMs: number;
  readonly status?: number;
  /** Body bytes handed to the connection. */
  readonly bytes: number;
  /** Absent while the exchange runs. */
  readonly endMs?: number;
  /** The response was sent whole; false while the exchange runs. */
  readonly complete: boolean;
}

/** The record of an exchange that runs. */
export type RequestDraft = { -readonly [Key in keyof RecordedRequest]: RecordedRequest[Key] };

/** 10,000 requests, 2 KiB each: more than a test makes, and the demo may run for days. */
const MAX_REQUESTS = 10_000;

/** Keeps the last requests, and tells when one has ended. */
export class Recorder {
  readonly requests: RequestDraft[] = [];
  readonly #limit: number;
  readonly #connections = new WeakMap<Socket, number>();
  #connectionCount = 0;
  readonly #waiting = new Set<{ pattern: RegExp; resolve: (request: RecordedRequest) => void }>();

  constructor(limit = MAX_REQUESTS) {
    this.#limit = limit;
  }

  /** Starts the record of one exchange; it ends by itself with the response. */
  record(request: IncomingMessage, response: ServerResponse): RequestDraft {
    const draft: RequestDraft = {
      method: request.method ?? "",
      target: request.url ?? "",
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      connection: this.#numberOf(request.socket),
      startMs: Date.now(),
      bytes: 0,
      complete: false,
    };
    this.requests.push(draft);
    if (this.requests.length > this.#limit) this.requests.shift();
    response.once("close", () => {
      draft.endMs = Date.now();
      draft.complete = response.writableFinished;
      if (response.headersSent) draft.status = response.statusCode;
      this.#tell(draft);
    });
    return draft;
  }

  /** Resolves with the first request that matches method and target and has ended, already or in future. */
  whenEnded(pattern: RegExp): Promise<RecordedRequest> {
    const ended = this.requests.find((request) => request.endMs !== undefined && matches(pattern, request));
    if (ended) return Promise.resolve(ended);
    return new Promise((resolve) => this.#waiting.add({ pattern, resolve }));
  }

  #tell(request: RecordedRequest): void {
    for (const waiter of this.#waiting) {
      if (!matches(waiter.pattern, request)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(request);
    }
  }

  #numberOf(socket: Socket): number {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    this.#connectionCount += 1;
    this.#connections.set(socket, this.#connectionCount);
    return this.#connectionCount;
  }
}

function matches(pattern: RegExp, request: RecordedRequest): boolean {
  return pattern.test(`${request.method} ${request.target}`);
}
