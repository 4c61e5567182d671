import type { Socket } from "node:net";
import type { Credentials } from "../access/credentials.ts";
import type { Failure } from "../pull/outcome.ts";
import type { Listener } from "./listener.ts";
import type { Transfer } from "./transfer.ts";

/** What all connections together do. */
export interface Load {
  transfers: number;
  /** When a request ended last, by `performance.now()`. */
  lastEndMs: number;
}

/** Where connections come in. What it tells can be replaced: it holds for the next request. */
export interface Port {
  readonly listener: Listener;
  /** Who may use the listener; undefined: everybody. */
  readonly credentials: Credentials | undefined;
}

export interface ConnectionOptions {
  readonly id: number;
  readonly port: Port;
  readonly socket: Socket;
  readonly load: Load;
  /** There are more connections than there may be: the one request that it may make is told so. */
  readonly isSurplus: boolean;
}

/** One TCP connection of a client, with the transfers that run on it. */
export class Connection {
  readonly id: number;
  readonly remoteAddress: string;
  readonly isSurplus: boolean;
  readonly load: Load;
  readonly #port: Port;
  readonly #socket: Socket;
  readonly #transfers = new Set<Transfer>();
  #closing = false;
  #wasAsked = false;
  #turns = 0;
  #lastTurn: Promise<void> = Promise.resolve();

  constructor({ id, port, socket, load, isSurplus }: ConnectionOptions) {
    this.id = id;
    this.#port = port;
    this.isSurplus = isSurplus;
    this.load = load;
    this.remoteAddress = withoutMapping(socket.remoteAddress ?? "");
    this.#socket = socket;
  }

  get isTls(): boolean {
    return "encrypted" in this.#socket;
  }

  /** False when the client is gone already. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** The next response says that it is the last one. */
  get isClosing(): boolean {
    return this.#closing || this.isSurplus;
  }

  /** Kept alive after a request, with nothing to do. One that was never asked on may be about to be. */
  get isIdle(): boolean {
    return this.#wasAsked && this.#turns === 0 && this.#transfers.size === 0 && this.isOpen && !this.#closing;
  }

  get listener(): Listener {
    return this.#port.listener;
  }

  get credentials(): Credentials | undefined {
    return this.#port.credentials;
  }

  get runningTransfers(): number {
    return this.#transfers.size;
  }

  /**
   * Handles one request after the other: responses go out in order anyway, and a client that pipelines must not cause
   * more requests to upstreams than one that does not. `handle` never rejects. A client that runs too far ahead is cut
   * off (RFC 9112 §9.3.2: it asks again what was not answered); not paused, because what is in the read buffer already
   * is thousands of requests.
   */
  takeTurn(handle: () => Promise<void>): void {
    if (this.#turns > MAX_WAITING_TURNS) return this.destroy("client_aborted");
    this.#wasAsked = true;
    this.#turns += 1;
    this.#lastTurn = this.#handleAfter(this.#lastTurn, handle);
  }

  async #handleAfter(last: Promise<void>, handle: () => Promise<void>): Promise<void> {
    // Never at once: what stands behind the head may show that it is no request.
    await last;
    // What stands behind the last response was read, but by whose rules? It belongs to nobody.
    if (this.isOpen && !this.#closing) await handle();
    this.#turns -= 1;
  }

  add(transfer: Transfer): void {
    this.#transfers.add(transfer);
    this.load.transfers += 1;
  }

  delete(transfer: Transfer): void {
    if (this.#transfers.delete(transfer)) {
      this.load.transfers -= 1;
      this.load.lastEndMs = performance.now();
    }
    if (this.isClosing) this.closeWhenIdle();
  }

  /** The response that begins next is the last one. */
  closeAfterResponse(): void {
    this.#closing = true;
  }

  /** Closes after the responses that are on their way. */
  closeWhenIdle(): void {
    this.#closing = true;
    if (this.#transfers.size === 0) this.#socket.destroySoon();
  }

  /**
   * The client closed its half. None of a registry does so while it waits: it went away, unless it has everything. Over
   * TLS Node.js tells what the kernel took up to two turns of the event loop after it was written.
   */
  left(): void {
    const isAllWritten = [...this.#transfers].every(({ isWritten }) => isWritten);
    if (this.isTls && isAllWritten) setImmediate(() => setImmediate(() => this.#abort()));
    else this.#abort();
  }

  #abort(): void {
    if (this.#transfers.size > 0) this.destroy("client_aborted");
  }

  /** Ends the connection, and with it the response that is on its way. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Ends every running transfer, and the connection. */
  destroy(failure: Failure): void {
    for (const transfer of this.#transfers) transfer.fail(failure);
    this.#socket.destroy();
  }
}

/** 16 requests behind the one that is handled: no client of a registry pipelines at all, and each is held in memory. */
const MAX_WAITING_TURNS = 16;

/** An IPv4 client of a dual-stack listener, as everybody writes its address. */
function withoutMapping(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
