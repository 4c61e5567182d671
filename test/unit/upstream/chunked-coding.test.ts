import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ChunkedCoding } from "../../../src/upstream/chunked-coding.ts";

function decode(pieces: readonly Buffer[]) {
  const coding = new ChunkedCoding();
  const data: Buffer[] = [];
  let rest = 0;
  for (const piece of pieces) rest += piece.length - coding.decode(piece, (view) => data.push(Buffer.from(view)));
  const { isWhole, isMalformed, isPlain } = coding;
  return { text: Buffer.concat(data).toString("latin1"), rest, isWhole, isMalformed, isPlain };
}

function decodeText(text: string) {
  return decode([Buffer.from(text, "latin1")]);
}

test("any data in any chunks cut anywhere is the same data", () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(fc.array(chunk), fc.array(fc.nat({ max: 40 })), fc.boolean(), (chunks, cuts, isUpper) => {
      const size = (bytes: number) => (isUpper ? bytes.toString(16).toUpperCase() : bytes.toString(16));
      const coded = [...chunks.map((data) => `${size(data.length)}\r\n${latin1(data)}\r\n`), "0\r\n\r\n"].join("");
      const pieces: Buffer[] = [];
      let left = Buffer.from(coded, "latin1");
      for (const cut of cuts) {
        pieces.push(left.subarray(0, cut));
        left = left.subarray(cut);
      }
      assert.deepEqual(decode([...pieces, left]), {
        text: chunks.map(latin1).join(""),
        rest: 0,
        isWhole: true,
        isMalformed: false,
        isPlain: true,
      });
    }),
  );
});

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

test("bytes behind the last chunk are not read", () => {
  const { text, rest, isWhole } = decodeText("2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK");
  assert.deepEqual([text, rest, isWhole], ["ok", 15, true]);
});

test("extensions and trailers are dropped, and told", () => {
  for (const coded of ["2;a=b\r\nok\r\n0\r\n\r\n", "2\r\nok\r\n0\r\nX: y\r\n\r\n"]) {
    const { text, isWhole, isPlain } = decodeText(coded);
    assert.deepEqual([text, isWhole, isPlain], ["ok", true, false], coded);
  }
});

test("half a body is neither whole nor malformed", () => {
  for (const coded of ["", "2", "2\r\n", "2\r\no", "2\r\nok\r\n", "2\r\nok\r\n0\r\n", "2\r\nok\r\n0\r\n\r"]) {
    const { isWhole, isMalformed } = decodeText(coded);
    assert.deepEqual([isWhole, isMalformed], [false, false], coded);
  }
});

const malformed = [
  "\r\n",
  "x\r\n",
  "-1\r\n",
  "+1\r\n",
  "0x1\r\n",
  " 1\r\n",
  "1 \r\n",
  "123456789\r\n",
  "1\nx",
  "1\rx",
  "2\r\nokk\r\n",
  "2\r\nok\n",
  "2\r\nok0\r\n",
  "1;\0\r\n",
  `1;${"a".repeat(300)}\r\n`,
  "0\r\nX: y\n\n",
  `0\r\n${"X: y\r\n".repeat(40)}\r\n`,
];
for (const coded of malformed) {
  test(`malformed: ${JSON.stringify(coded.slice(0, 30))}`, () => {
    assert.equal(decodeText(coded).isMalformed, true);
    assert.equal(decodeText(coded).isWhole, false);
  });
}
