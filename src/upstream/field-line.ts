// What the heads of requests and responses have in common (RFC 9112 §5).

/** Header lines, each behind the end of the line before. RFC 9112 §2.2: lines end with CRLF, and neither stands alone. */
export const FIELD_LINES = /^(?:\r\n[\w!#$%&'*+\-.^`|~]+:[\t\x20-\x7e\x80-\xff]*)*$/;

// RFC 9110 §5.6.2
const NAMES = /^[\w!#$%&'*+\-.^`|~]*$/;

// RFC 9110 §5.5: no control characters but tabs; what is beyond ASCII goes on as it came, a byte each.
const VALUES = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether names and values, which alternate in `headers`, can be printed so that everybody reads the same. */
export function areWritable(headers: readonly string[]): boolean {
  let names = "";
  let values = "";
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (name === "") return false;
    names += name;
    values += headers[i + 1] ?? "";
  }
  return NAMES.test(names) && VALUES.test(values);
}

/** The text from `start` to `end`, without spaces and tabs around it (RFC 9110 §5.5); `trim` would take bytes of the value. */
export function withoutPadding(text: string, start: number, end: number): string {
  let first = start;
  let last = end;
  while (first < last && isPadding(text.charCodeAt(first))) first += 1;
  while (last > first && isPadding(text.charCodeAt(last - 1))) last -= 1;
  return text.slice(first, last);
}

function isPadding(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
