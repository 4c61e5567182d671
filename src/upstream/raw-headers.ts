/** Names and values alternate, as in Node.js' `rawHeaders`: case, order and duplicates are those of the wire. */
export type RawHeaders = readonly string[];

/** First value of the header `name` (lower-case). */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i] ?? "", name)) return headers[i + 1];
  }
  return undefined;
}

/** Every request asks this a hundred times: only what has the right length is looked at closer. */
export function isNamed(given: string, name: string): boolean {
  return given.length === name.length && given.toLowerCase() === name;
}

/** Lower-case names of headers, of which most are told apart by their length. */
export class HeaderNames {
  readonly #byLength: string[][] = [];

  constructor(names: Iterable<string>) {
    for (const name of names) (this.#byLength[name.length] ??= []).push(name);
  }

  /** In any case. */
  has(given: string): boolean {
    return this.#byLength[given.length]?.includes(given.toLowerCase()) === true;
  }
}

/** Without the headers in any of `names`. */
export function withoutHeaders(headers: RawHeaders, ...names: readonly HeaderNames[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (!names.some((each) => each.has(name))) kept.push(name, headers[i + 1] ?? "");
  }
  return kept;
}
