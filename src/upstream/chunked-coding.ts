/** 256 characters of a size line: eight digits and whatever extension nobody sends. */
const MAX_LINE = 256;

/** 32 lines behind the last chunk: registries send none. */
const MAX_TRAILERS = 32;

/** 8 digits: 4 GiB in one chunk. */
const SIZE_LINE = /^([0-9a-f]{1,8})(?:[ \t]*;[\t\x20-\x7e]*)?$/i;

const CR = 0x0d;
const LF = 0x0a;

/**
 * Takes the chunked coding off a body (RFC 9112 §7.1). Strict: lines end with CRLF. Extensions and trailers are
 * dropped, and spoil the connection: what they mean to others on the way is not known.
 */
export class ChunkedCoding {
  #state: "size" | "data" | "data end" | "trailers" | "end" | "malformed" = "size";
  #line = "";
  /** Of the chunk that is being read. */
  #left = 0;
  #hasExtensions = false;
  #trailers = 0;

  get isWhole(): boolean {
    return this.#state === "end";
  }

  get isMalformed(): boolean {
    return this.#state === "malformed";
  }

  /** Nothing but sizes and data so far. */
  get isPlain(): boolean {
    return !this.#hasExtensions && this.#trailers === 0;
  }

  /** Gives the data in `bytes` to `onData`, as views. Returns how many bytes were read: less when the body ends. */
  decode(bytes: Buffer, onData: (data: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && !this.isWhole && !this.isMalformed) {
      if (this.#state === "data") {
        const data = bytes.subarray(at, at + this.#left);
        this.#left -= data.length;
        at += data.length;
        if (this.#left === 0) this.#state = "data end";
        onData(data);
      } else {
        this.#readLine(bytes[at] ?? 0);
        at += 1;
      }
    }
    return at;
  }

  #readLine(byte: number): void {
    const isEnding = this.#line.endsWith("\r");
    if (byte === LF && isEnding) {
      const line = this.#line.slice(0, -1);
      this.#line = "";
      this.#state = this.#after(line);
    } else if (byte === LF || isEnding || this.#line.length >= MAX_LINE || (byte < 0x20 && byte !== CR && byte !== 9)) {
      this.#state = "malformed";
    } else {
      this.#line += String.fromCharCode(byte);
    }
  }

  #after(line: string): "size" | "data" | "trailers" | "end" | "malformed" {
    if (this.#state === "data end") return line === "" ? "size" : "malformed";
    if (this.#state === "trailers") {
      if (line === "") return "end";
      this.#trailers += 1;
      return this.#trailers > MAX_TRAILERS ? "malformed" : "trailers";
    }
    const digits = SIZE_LINE.exec(line)?.[1];
    if (digits === undefined) return "malformed";
    if (digits.length !== line.length) this.#hasExtensions = true;
    this.#left = Number.parseInt(digits, 16);
    return this.#left === 0 ? "trailers" : "data";
  }
}
