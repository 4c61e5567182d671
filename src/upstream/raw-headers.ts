/** Names and values alternate, as in Node.js' `rawHeaders`: case, order and duplicates are those of the wire. */
export type RawHeaders = readonly string[];

/** First value of the header `name` (lower-case). */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const given = headers[i] ?? "";
    // Most are told apart by their length.
    if (given.length === name.length && given.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

/** Without the headers in `names` (lower-case). */
export function withoutHeaders(names: ReadonlySet<string>, headers: RawHeaders): string[] {
  return headers.filter((_, i) => !names.has(headers[i - (i % 2)]?.toLowerCase() ?? ""));
}
