import { createCipheriv, createHash } from "node:crypto";

/**
 * Chance that can be repeated: the same seed and the same key give the same numbers on every machine.
 * Keys part independent streams, so that one more draw in one place moves nothing elsewhere.
 */
export class SeededRandom {
  readonly #seed: string;
  #state: number;

  constructor(seed: number, ...key: readonly (string | number)[]) {
    this.#seed = [seed, ...key].join("/");
    this.#state = createHash("sha256").update(this.#seed).digest().readUInt32LE(0);
  }

  /** In [0, 1). mulberry32: 32 bits of state are plenty for a schedule of some hundred steps. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** Both ends included. */
  integer(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.integer(0, items.length - 1)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  /** Distinct items, in the order in which they were drawn. */
  sample<Item>(items: readonly Item[], count: number): Item[] {
    const left = [...items];
    const drawn: Item[] = [];
    while (drawn.length < count && left.length > 0) drawn.push(...left.splice(this.integer(0, left.length - 1), 1));
    return drawn;
  }

  /** Bytes that do not compress, as layers of real images hardly do. The same on each call. */
  bytes(length: number): Buffer {
    const key = createHash("sha256").update(`${this.#seed}/bytes`).digest();
    return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
  }
}
