/** What stands for every value that has no series of its own. */
export const OTHER = "[OTHER]";

export interface CapOptions {
  /** Most distinct values, those of `known` included. */
  readonly limit: number;
  /** Values that always have their place, for example the configured registries. */
  readonly known?: readonly string[];
  /** Which values may have a place at all. Default: plain words. */
  readonly accepts?: (value: string) => boolean;
  /** Called once for each value that is replaced. */
  readonly overflowed: () => void;
}

/**
 * Keeps the values of one label finite: the first values up to the limit pass, and any later one becomes `[OTHER]`.
 * A value keeps its place for good, so that a series never changes its name.
 */
export class Cap {
  readonly #values: Set<string>;
  readonly #limit: number;
  readonly #accepts: (value: string) => boolean;
  readonly #overflowed: () => void;

  constructor({ limit, known = [], accepts = isLabelWord, overflowed }: CapOptions) {
    this.#values = new Set(known);
    this.#limit = limit;
    this.#accepts = accepts;
    this.#overflowed = overflowed;
  }

  /** Gives more values their place, beyond the limit if need be. */
  reserve(values: readonly string[]): void {
    for (const value of values) this.#values.add(value);
  }

  /** The value itself if it has, or now gets, a place; else `[OTHER]`, counted. */
  admit(value: string): string {
    if (this.#values.has(value)) return value;
    if (this.#values.size < this.#limit && this.#accepts(value)) {
      this.#values.add(value);
      return value;
    }
    this.#overflowed();
    return OTHER;
  }
}

// A value may come from a request header: what is no plain word (or `[WORD]`) is not repeated in a metric.
const LABEL_WORD = /^\[?[A-Za-z0-9._-]+\]?$/;

/** 253 characters: the longest value that is legitimate, a domain name. */
const MAX_LABEL_LENGTH = 253;

/** The default of `accepts`. */
export function isLabelWord(value: string): boolean {
  return value.length <= MAX_LABEL_LENGTH && LABEL_WORD.test(value);
}
