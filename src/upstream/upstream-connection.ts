import type { OnReadOpts, Socket } from "node:net";
import type { Connect, Dial } from "./connect.ts";
import { SMALL_BUFFER_BYTES } from "./read-buffer.ts";

/** Takes what a connection reads. */
export interface Reader {
  /**
   * Where Node.js shall write next. It asks right after each `received` and then keeps to the answer, so nothing else
   * may change where bytes land: they would have the right length and be in the wrong place.
   */
  space(): Uint8Array;
  /** As many bytes are in the space that was given last. */
  received(bytes: number): void;
  /** The connection is over. */
  ended(error: Error | undefined): void;
}

/**
 * Memory for all connections that expect no body: whoever reads from it copies before it returns. So an idle
 * connection holds no memory at all.
 */
export const LANDING = Buffer.allocUnsafeSlow(SMALL_BUFFER_BYTES);

/** One connection to an origin. Whoever uses it is its `reader`; without one it is idle, and any byte ends it. */
export class UpstreamConnection {
  readonly isTls: boolean;
  /** Resolves when nothing of it is left. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #slot: Slot;
  /** A request went over it before. */
  wasUsed = false;
  /** Told once when it ends while nobody reads. */
  onGone: (() => void) | undefined;

  /** Rejects with an UpstreamError. */
  static async open(connect: Connect, dial: Dial): Promise<UpstreamConnection> {
    const slot = new Slot();
    return new UpstreamConnection(await connect(dial, slot.onread), slot);
  }

  private constructor(socket: Socket, slot: Slot) {
    this.#socket = socket;
    this.#slot = slot;
    this.isTls = "encrypted" in socket;
    slot.onStray = () => this.destroy();
    socket.on("end", () => this.#end());
    socket.on("error", (error) => this.#end(error));
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#end();
        resolve();
      });
    });
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.readable;
  }

  set reader(reader: Reader | undefined) {
    this.#slot.reader = reader;
  }

  write(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** Over TLS up to 64 KiB that were decrypted already still come. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#slot.reader = undefined;
    this.#socket.destroy();
  }

  /** As if the upstream had ended it: its reader is told. */
  cut(): void {
    this.#end();
  }

  #end(error?: Error): void {
    const { reader } = this.#slot;
    this.destroy();
    if (reader !== undefined) reader.ended(error);
    this.onGone?.();
    this.onGone = undefined;
  }
}

/** What Node.js reads through; it exists before the socket does. */
class Slot {
  reader: Reader | undefined;
  onStray: (() => void) | undefined;

  readonly onread: OnReadOpts = {
    buffer: () => this.reader?.space() ?? LANDING,
    callback: (bytes) => {
      if (this.reader === undefined) this.onStray?.();
      else this.reader.received(bytes);
      return true;
    },
  };
}
