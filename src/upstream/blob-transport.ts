import type { Connect, Dial } from "./connect.ts";
import { BlobExchange, type BlobRequest, type ExchangeHome } from "./blob-exchange.ts";
import type { UpstreamResponse } from "./exchange.ts";
import { areWritable } from "./field-line.ts";
import { IdleConnections } from "./idle-connections.ts";
import { ReadBuffers } from "./read-buffer.ts";
import { UpstreamConnection } from "./upstream-connection.ts";
import { UpstreamError } from "./upstream-error.ts";

export interface BlobTransportOptions {
  readonly connect: Connect;
  readonly stallTimeoutMs: number;
  readonly maxHeadBytes: number;
}

/** 1 minute, so that an origin whose answers are odd is not asked everything twice. */
const ODD_FOR_MS = 60_000;

/** 1,000 origins: as many registries as are known at all. */
const MAX_ODD = 1_000;

/**
 * The fast way to an origin: HTTP/1.1 of our own, read into memory that is used again, for responses of the plain kind.
 * As many connections are busy as there are requests, and clients make one at a time on each of theirs; only idle ones
 * are bounded.
 */
export class BlobTransport {
  readonly #options: BlobTransportOptions;
  readonly #home: ExchangeHome;
  readonly #buffers = new ReadBuffers();
  readonly #idle = new IdleConnections();
  readonly #open = new Set<UpstreamConnection>();
  readonly #oddUntilMs = new Map<string, number>();
  readonly #keys = new WeakMap<Dial, string>();
  readonly #caNumbers = new Map<string, number>();
  #underWay = 0;
  #isClosed = false;

  constructor(options: BlobTransportOptions) {
    this.#options = options;
    const underWay = (): number => this.#underWay;
    this.#home = {
      stallTimeoutMs: options.stallTimeoutMs,
      maxHeadBytes: options.maxHeadBytes,
      buffers: this.#buffers,
      get underWay() {
        return underWay();
      },
      takeIdle: (key) => this.#idle.take(key),
      connect: (dial) => this.#connect(dial),
      keep: (key, connection, serverKeepsMs) => this.#idle.put(key, connection, serverKeepsMs),
      settled: () => (this.#underWay -= 1),
      foundOdd: (key) => this.#noteOdd(key),
      foundStale: (key) => this.#idle.drop(key),
    };
  }

  /** Bytes of memory into which bodies are being read. */
  get leasedBytes(): number {
    return this.#buffers.leasedBytes;
  }

  get idleConnections(): number {
    return this.#idle.count;
  }

  get openConnections(): number {
    return this.#open.size;
  }

  /**
   * Resolves with the response's head; its body waits. Undefined: the answer is of a kind that this transport does not
   * read, or the request of one that it does not write; ask another way. Rejects with an UpstreamError.
   */
  ask(request: BlobRequest): Promise<UpstreamResponse | undefined> {
    const { dial } = request;
    if (this.#isClosed) {
      return Promise.reject(new UpstreamError("proxy", `${dial.origin.host}: the connections are closed`));
    }
    const key = this.#keyOf(dial);
    const isWritable = PATH.test(request.path) && areWritable(request.headers);
    if (!isWritable || this.#isOdd(key)) return Promise.resolve(undefined);
    this.#underWay += 1;
    return new BlobExchange(request, key, this.#home).response;
  }

  /** Cuts all connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#idle.close();
    const open = [...this.#open];
    for (const connection of open) connection.cut();
    await Promise.all(open.map(({ closed }) => closed));
  }

  async #connect(dial: Dial): Promise<UpstreamConnection> {
    const connection = await UpstreamConnection.open(this.#options.connect, dial);
    this.#open.add(connection);
    void connection.closed.then(() => this.#open.delete(connection));
    if (this.#isClosed) connection.destroy();
    return connection;
  }

  /** Put together once for each dial: a new text would be read again to be looked up. */
  #keyOf(dial: Dial): string {
    const known = this.#keys.get(dial);
    if (known !== undefined) return known;
    const key = this.#createKey(dial);
    this.#keys.set(dial, key);
    return key;
  }

  /** Certificates are long: a number stands for them. */
  #createKey({ origin, ca = "", allowPrivate }: Dial): string {
    let number = this.#caNumbers.get(ca);
    if (number === undefined) {
      number = this.#caNumbers.size;
      this.#caNumbers.set(ca, number);
    }
    return `${origin.origin} ${allowPrivate} ${number}`;
  }

  #isOdd(key: string): boolean {
    const untilMs = this.#oddUntilMs.get(key);
    if (untilMs === undefined) return false;
    if (performance.now() < untilMs) return true;
    this.#oddUntilMs.delete(key);
    return false;
  }

  #noteOdd(key: string): void {
    this.#oddUntilMs.set(key, performance.now() + ODD_FOR_MS);
    const [oldest] = this.#oddUntilMs.keys();
    if (this.#oddUntilMs.size > MAX_ODD && oldest !== undefined) this.#oddUntilMs.delete(oldest);
  }
}

// RFC 9112 §3.2.1: what would be read as something else by whoever parses it.
const PATH = /^\/[\x21-\x7e]*$/;
