import { headerValue, type RawHeaders } from "./raw-headers.ts";

/** A response's head, as far as it tells which bytes of what its body is. */
export interface ContentHead {
  readonly status: number;
  readonly headers: RawHeaders;
}

/** The bytes that a response promised: [start, end) of a blob. Whatever is undefined was not told. */
export interface Content {
  readonly start: number;
  readonly end: number | undefined;
  /** Of the whole blob. */
  readonly size: number | undefined;
  /** Strong validator (RFC 9110 §8.8.3), of this host only. */
  readonly etag: string | undefined;
  readonly digest: string | undefined;
}

/** What the head of the response to a blob's GET promises; undefined if its rest could not be asked for elsewhere. */
export function readContent({ status, headers }: ContentHead): Content | undefined {
  if (status !== 200 && status !== 206) return undefined;
  // RFC 9110 §8.4: a coding is applied anew each time; its bytes need not be the same twice.
  if ((headerValue(headers, "content-encoding") ?? "identity") !== "identity") return undefined;
  const etag = headerValue(headers, "etag");
  const validators = {
    etag: etag?.startsWith('"') === true ? etag : undefined,
    digest: headerValue(headers, "docker-content-digest"),
  };
  const length = readLength(headerValue(headers, "content-length"));
  if (status === 200) return { start: 0, end: length, size: length, ...validators };
  // A 206 without its range is multipart (RFC 9110 §15.3.7.2), or broken.
  const range = readContentRange(headerValue(headers, "content-range"));
  if (range === undefined || (length ?? range.end - range.start) !== range.end - range.start) return undefined;
  return { ...range, ...validators };
}

/** Headers that ask for what is missing from `offset` (of the blob) on: RFC 9110 §14.2, §13.1.5. */
export function headersForRest({ end, size, etag }: Content, offset: number, isSameHost: boolean): string[] {
  const last = end === undefined || end === size ? "" : String(end - 1);
  const range = ["Range", `bytes=${offset}-${last}`];
  return isSameHost && etag !== undefined ? [...range, "If-Range", etag] : range;
}

/** How a second response goes on with a body. */
export interface Continuation {
  /** Bytes of its body to leave out. */
  readonly skip: number;
  /** Where its part of the blob ends. */
  readonly end: number;
  /** What all responses together promise. */
  readonly content: Content;
}

/**
 * How the second response goes on at `offset`; undefined if it does not, or may not be of the same content. The digest in
 * the URL says that the content is the same; all that the heads tell must agree with it.
 */
export function readContinuation(
  first: Content,
  second: ContentHead,
  offset: number,
  isSameHost: boolean,
): Continuation | undefined {
  const rest = readContent(second);
  if (rest === undefined) return undefined;
  const agrees =
    isSameOrUntold(rest.size, first.size) &&
    isSameOrUntold(rest.digest, first.digest) &&
    (!isSameHost || isSameOrUntold(rest.etag, first.etag));
  // A body in chunks told no end: the blob's is its own. Without one nobody knows when it is whole.
  const end = first.end ?? rest.size;
  if (!agrees || end === undefined || rest.end === undefined) return undefined;
  const content = { ...first, end, size: first.size ?? rest.size, etag: isSameHost ? first.etag : rest.etag };
  // A 200 is everything, whatever was asked for: it may only end where the first one would have ended.
  if (second.status === 200) return rest.size === first.end ? { skip: offset, end, content } : undefined;
  // RFC 9110 §15.3.7: a part may be less than what was asked for.
  return rest.start === offset && rest.end <= end ? { skip: 0, end: rest.end, content } : undefined;
}

/** RFC 9110 §15.5.17: true if the answer is that there is nothing from `offset` on, because the blob ends there. */
export function saysNothingIsLeft({ status, headers }: ContentHead, offset: number): boolean {
  return status === 416 && headerValue(headers, "content-range")?.trim() === `bytes */${offset}`;
}

function isSameOrUntold<Value>(one: Value | undefined, other: Value | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

// RFC 9110 §14.4
const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(?:(\d{1,15})|\*)$/;

function readContentRange(
  value: string | undefined,
): { start: number; end: number; size: number | undefined } | undefined {
  const [, first, last, size] = CONTENT_RANGE.exec(value?.trim() ?? "") ?? [];
  if (first === undefined || last === undefined) return undefined;
  const range = { start: Number(first), end: Number(last) + 1, size: size === undefined ? undefined : Number(size) };
  return range.start < range.end && range.end <= (range.size ?? range.end) ? range : undefined;
}

function readLength(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
