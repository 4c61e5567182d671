/** Names and values alternate, as in Node.js' `rawHeaders`: case, order and duplicates are those of the wire. */
export type RawHeaders = readonly string[];

/** First value of the header `name` (lower-case). */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i] ?? "", name)) return headers[i + 1];
  }
  return undefined;
}

/** Every request asks this a hundred times: only what has the right length and first letter is looked at closer. */
export function isNamed(given: string, name: string): boolean {
  return given.length === name.length && firstLetter(given) === firstLetter(name) && given.toLowerCase() === name;
}

/** As a lower-case one; of what is no letter, something. */
function firstLetter(name: string): number {
  return name.charCodeAt(0) | 0x20;
}

/** Lower-case names of headers, of which most are told apart by their length. */
export class HeaderNames {
  readonly #byLength: string[][] = [];

  constructor(names: Iterable<string>) {
    for (const name of names) (this.#byLength[name.length] ??= []).push(name);
  }

  /** In any case. */
  has(given: string): boolean {
    for (const name of this.#byLength[given.length] ?? NONE) if (isNamed(given, name)) return true;
    return false;
  }
}

const NONE: readonly string[] = [];

/** Without the headers in any of `names`. */
export function withoutHeaders(headers: RawHeaders, ...names: readonly HeaderNames[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (!names.some((each) => each.has(name))) kept.push(name, headers[i + 1] ?? "");
  }
  return kept;
}
