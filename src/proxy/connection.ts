import type { Socket } from "node:net";
import type { Failure } from "../pull/outcome.ts";
import type { Listener } from "./listener.ts";
import type { Transfer } from "./transfer.ts";

/** One TCP connection of a client, with the transfers that run on it. */
export class Connection {
  readonly id: number;
  readonly listener: Listener;
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #transfers = new Set<Transfer>();
  #closing = false;
  #turns = 0;
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(id: number, listener: Listener, socket: Socket) {
    this.id = id;
    this.listener = listener;
    this.remoteAddress = withoutMapping(socket.remoteAddress ?? "");
    this.#socket = socket;
  }

  /** False when the client is gone already. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** The next response says that it is the last one. */
  get isClosing(): boolean {
    return this.#closing;
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
    this.#turns += 1;
    this.#lastTurn = this.#handleAfter(this.#lastTurn, handle);
  }

  async #handleAfter(last: Promise<void>, handle: () => Promise<void>): Promise<void> {
    await last;
    if (this.isOpen) await handle();
    this.#turns -= 1;
  }

  add(transfer: Transfer): void {
    this.#transfers.add(transfer);
  }

  delete(transfer: Transfer): void {
    this.#transfers.delete(transfer);
    if (this.#closing) this.closeWhenIdle();
  }

  /** Closes after the responses that are on their way. */
  closeWhenIdle(): void {
    this.#closing = true;
    if (this.#transfers.size === 0) this.#socket.destroySoon();
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
