// What the heads of requests and responses have in common (RFC 9112 §5).

/** A header's name. RFC 9110 §5.6.2 */
export const TOKEN = /^[\w!#$%&'*+\-.^`|~]+$/;

/** In a header's value. RFC 9110 §5.5: no control characters but tabs; what is beyond ASCII goes on as it came, a byte each. */
export const UNWRITABLE = /[^\t\x20-\x7e\x80-\xff]/;

/** In a head. RFC 9112 §2.2: lines end with CRLF, and neither stands alone; within them what is said of values holds. */
export const UNCLEAN = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?:[^\n]|$)|(?:^|[^\r])\n/;

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
