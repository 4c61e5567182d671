import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  headersForRest,
  readContent,
  readContinuation,
  saysNothingIsLeft,
  type ContentHead,
} from "../../../src/upstream/continuation.ts";

const head = (status: number, headers: Readonly<Record<string, string>> = {}): ContentHead => ({
  status,
  headers: Object.entries(headers).flat(),
});

const WHOLE = head(200, { "Content-Length": "100", ETag: '"one"', "Docker-Content-Digest": "sha256:aa" });
const first = readContent(WHOLE)!;

test("a whole response promises everything from 0 to its length", () => {
  assert.deepEqual(first, { start: 0, end: 100, size: 100, etag: '"one"', digest: "sha256:aa" });
});

test("a part promises what its Content-Range says", () => {
  const part = readContent(head(206, { "content-range": "bytes 10-49/100", "Content-Length": "40" }));
  assert.deepEqual(part, { start: 10, end: 50, size: 100, etag: undefined, digest: undefined });
});

for (const [what, one] of [
  ["an error", head(404, { "Content-Length": "100" })],
  ["a part without its range", head(206, { "Content-Length": "100" })],
  ["several parts", head(206, { "Content-Type": "multipart/byteranges; boundary=x", "Content-Length": "100" })],
  ["a range beyond the size", head(206, { "Content-Range": "bytes 0-100/100" })],
  ["a range that ends before it begins", head(206, { "Content-Range": "bytes 9-8/100" })],
  ["a length that is not that of the range", head(206, { "Content-Range": "bytes 0-9/100", "Content-Length": "11" })],
  ["a coded body", head(200, { "Content-Length": "100", "Content-Encoding": "gzip" })],
] as const) {
  test(`${what} promises nothing that could be gone on with`, () => assert.equal(readContent(one), undefined));
}

test("the rest is asked for by range, on the same host only if the content is the same", () => {
  assert.deepEqual(headersForRest(first, 40, true), ["Range", "bytes=40-", "If-Range", '"one"']);
  assert.deepEqual(headersForRest(first, 40, false), ["Range", "bytes=40-"]);
  const part = readContent(head(206, { "Content-Range": "bytes 10-49/100" }))!;
  assert.deepEqual(headersForRest(part, 20, true), ["Range", "bytes=20-49"]);
  // A weak validator says nothing of bytes (RFC 9110 §13.1.5).
  const weak = readContent(head(200, { "Content-Length": "100", ETag: 'W/"one"' }))!;
  assert.deepEqual(headersForRest(weak, 40, true), ["Range", "bytes=40-"]);
});

const SECOND: readonly (readonly [what: string, second: ContentHead, skip: number | undefined])[] = [
  ["the part from there on", head(206, { "Content-Range": "bytes 40-99/100" }), 0],
  ["the part, of unknown size", head(206, { "Content-Range": "bytes 40-99/*" }), 0],
  ["everything, once more", head(200, { "Content-Length": "100" }), 40],
  ["a part from elsewhere on", head(206, { "Content-Range": "bytes 41-99/100" }), undefined],
  ["a part that is less than what was asked for", head(206, { "Content-Range": "bytes 40-98/100" }), 0],
  ["a part that ends too late", head(206, { "Content-Range": "bytes 40-100/*" }), undefined],
  ["a part of something larger", head(206, { "Content-Range": "bytes 40-99/101" }), undefined],
  ["something of another length", head(200, { "Content-Length": "101" }), undefined],
  ["everything, of unknown length", head(200), undefined],
  [
    "another digest",
    head(206, { "Content-Range": "bytes 40-99/100", "Docker-Content-Digest": "sha256:bb" }),
    undefined,
  ],
  ["a coded part", head(206, { "Content-Range": "bytes 40-99/100", "Content-Encoding": "gzip" }), undefined],
  ["an error", head(500), undefined],
];

for (const [what, second, skip] of SECOND) {
  test(`after 40 of 100 bytes, ${what}: ${skip === undefined ? "not used" : `used without its first ${skip} bytes`}`, () => {
    assert.equal(readContinuation(first, second, 40, true)?.skip, skip);
  });
}

test("another validator of the same host is other content, of another host it is not", () => {
  const other = head(206, { "Content-Range": "bytes 40-99/100", ETag: '"two"' });
  assert.equal(readContinuation(first, other, 40, true), undefined);
  assert.equal(readContinuation(first, other, 40, false)?.skip, 0);
});

test("a body that told no end ends where the blob does, not where a part of it ends", () => {
  const chunked = readContent(head(200, { "Transfer-Encoding": "chunked" }))!;
  const part = readContinuation(chunked, head(206, { "Content-Range": "bytes 40-59/100" }), 40, true);
  assert.equal(part?.end, 60);
  assert.deepEqual([part?.content.end, part?.content.size], [100, 100]);
  assert.equal(readContinuation(chunked, head(206, { "Content-Range": "bytes 40-99/*" }), 40, true), undefined);
});

test("whatever a second response says, what is used of it begins at the offset and ends at the end at most", () => {
  const number = fc.nat({ max: 120 });
  fc.assert(
    fc.property(number, number, number, fc.nat({ max: 99 }), fc.boolean(), (...[from, to, size, offset, whole]) => {
      const second = whole
        ? head(200, { "Content-Length": String(size) })
        : head(206, { "Content-Range": `bytes ${from}-${to}/${size}` });
      const continuation = readContinuation(first, second, offset, true);
      if (continuation === undefined) return;
      assert.equal((whole ? 0 : from) + continuation.skip, offset);
      assert.equal(continuation.end, whole ? size : to + 1);
      assert.ok(continuation.end <= 100);
      assert.equal(continuation.content.end, 100);
    }),
  );
});

test("only 416 with exactly this size says that nothing is left", () => {
  assert.equal(saysNothingIsLeft(head(416, { "Content-Range": "bytes */40" }), 40), true);
  assert.equal(saysNothingIsLeft(head(416, { "Content-Range": "bytes */41" }), 40), false);
  assert.equal(saysNothingIsLeft(head(416), 40), false);
  assert.equal(saysNothingIsLeft(head(200, { "Content-Range": "bytes */40" }), 40), false);
});
