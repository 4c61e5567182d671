/** One parser, and what it promises of every text. */
export interface FuzzTarget {
  /** Names its corpus too: test/fixtures/corpus/NAME.json, a list of texts. */
  readonly name: string;
  /** What texts are put together from, beside the corpus and anything at all. */
  readonly pieces: readonly string[];
  /** In `npm test`, where each text costs more than a millisecond. Default: 300. */
  readonly runs?: number;
  /** Throws if a promise is broken. Bytes are given as ISO-8859-1. */
  readonly check: (text: string) => void;
}
