/** Protocol Buffers wire types. https://protobuf.dev/programming-guides/encoding/#structure */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;

/** 64 KiB to begin with: a scrape of a small proxy. It doubles as needed. */
const INITIAL_SIZE = 64 * 1024;

/** Appends fields of messages to one buffer. Integers are exact up to 2^53. */
export class ProtobufWriter {
  #bytes = new Uint8Array(INITIAL_SIZE);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #encoder = new TextEncoder();

  /** What was written; valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  string(field: number, value: string): void {
    this.#nested(field, () => {
      // 3: no UTF-16 unit takes more bytes of UTF-8.
      this.#reserve(value.length * 3);
      this.#length += this.#encoder.encodeInto(value, this.#bytes.subarray(this.#length)).written;
    });
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED64);
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** uint32, uint64, enum, and int64 where it cannot be negative. */
  unsigned(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  /** sint32 and sint64. */
  signed(field: number, value: number): void {
    this.unsigned(field, value < 0 ? -2 * value - 1 : 2 * value);
  }

  message(field: number, write: () => void): void {
    this.#nested(field, write);
  }

  /** A message with its length before it, as one of many in a stream. */
  delimited(write: () => void): void {
    this.#withLength(write);
  }

  #nested(field: number, write: () => void): void {
    this.#tag(field, LENGTH_DELIMITED);
    this.#withLength(write);
  }

  /** Most messages are short: they are written behind one byte for the length, and moved only if that is too little. */
  #withLength(write: () => void): void {
    const start = this.#length;
    this.#reserve(MAX_VARINT_SIZE);
    this.#length += 1;
    write();
    const size = this.#length - start - 1;
    const sizeOfSize = varintSize(size);
    this.#reserve(sizeOfSize);
    this.#bytes.copyWithin(start + sizeOfSize, start + 1, this.#length);
    this.#length = start;
    this.#varint(size);
    this.#length += size;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    this.#reserve(MAX_VARINT_SIZE);
    let rest = value;
    // Arithmetic instead of shifts, which cut at 32 bits.
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + size));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** 10 bytes of seven bits hold 64 bits. */
const MAX_VARINT_SIZE = 10;

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}
