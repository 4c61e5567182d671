import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  forwardPushHeaders,
  forwardRequestHeaders,
  forwardResponseHeaders,
  hasCleanFraming,
  writableOrder,
} from "../../../src/proxy/headers.ts";
import { HeaderNames } from "../../../src/upstream/raw-headers.ts";

const TAKEN = new HeaderNames(["x-taken"]);

test("hop-by-hop headers end here, in any case, and everything else goes on as it was", () => {
  const hop = [
    "Connection",
    "close",
    "KEEP-ALIVE",
    "x",
    "te",
    "trailers",
    "Trailer",
    "x",
    "Transfer-Encoding",
    "chunked",
  ];
  hop.push("Upgrade", "h2c", "Proxy-Connection", "x", "proxy-AUTHORIZATION", "x", "Proxy-Authenticate", "x");
  const kept = ["X-A", "1", "x-a", "2", "X-A", "1", "Content-Length", "5", "Authorization", "Bearer x"];
  assert.deepEqual(forwardResponseHeaders([...kept.slice(0, 4), ...hop, ...kept.slice(4)]), kept);
});

test("headers that Connection names end here too, but never the length of the body", () => {
  const headers = [
    "connection",
    "X-One, x-two",
    "X-One",
    "1",
    "X-TWO",
    "2",
    "X-Three",
    "3",
    "Connection",
    "content-length,x-three",
  ];
  assert.deepEqual(forwardResponseHeaders([...headers, "Content-Length", "5"]), ["Content-Length", "5"]);
});

test("Host, Expect and what is meant for the proxy go no further", () => {
  const headers = ["HOST", "h", "Expect", "100-continue", "X-Taken", "1", "Content-Length", "5", "X-A", "1"];
  assert.deepEqual(forwardRequestHeaders(headers, TAKEN), ["X-A", "1"]);
  assert.deepEqual(forwardPushHeaders(headers, TAKEN), ["Content-Length", "5", "X-A", "1"]);
});

test("a message says once where its body ends", () => {
  const clean = [
    [],
    ["Content-Length", "0"],
    ["Transfer-Encoding", "chunked"],
    ["X-Content-Length", "1", "content-length", "2"],
  ];
  assert.deepEqual(
    clean.filter((headers) => !hasCleanFraming(headers)),
    [],
  );
  const unclean = [
    ["Content-Length", "1", "content-LENGTH", "1"],
    ["Content-Length", "1", "Content-Length", "2"],
    ["Content-Length", "1", "Transfer-Encoding", "chunked"],
    ["Transfer-Encoding", "chunked", "transfer-encoding", "chunked"],
    ["Content-Length", "1, 1"],
    ["Content-Length", "+1"],
    ["Content-Length", "-1"],
    ["Content-Length", "0x1"],
    ["Content-Length", ""],
    ["Content-Length", "99999999999999999"],
  ];
  assert.deepEqual(unclean.filter(hasCleanFraming), []);
});

const headerList = fc
  .array(
    fc.tuple(fc.constantFrom("X-A", "x-a", "Content-Disposition", "Content-Length", "Connection", "B"), fc.string()),
  )
  .map((list) => list.flat());

test("forwarding only ever takes away whole headers, and keeps the order", () => {
  fc.assert(
    fc.property(headerList, (headers) => {
      const kept = forwardResponseHeaders(headers);
      assert.equal(kept.length % 2, 0);
      let at = 0;
      for (let i = 0; i < kept.length; i += 2) {
        while (headers[at] !== kept[i] || headers[at + 1] !== kept[i + 1]) at += 2;
        assert.ok(at < headers.length);
        at += 2;
      }
    }),
  );
});

test("the order to write loses nothing", () => {
  fc.assert(
    fc.property(headerList, (headers) => {
      assert.deepEqual(pairs(writableOrder(headers)), pairs(headers));
    }),
  );
});

function pairs(list: readonly string[]): string[] {
  return list.flatMap((text, i) => (i % 2 === 0 ? [`${text}:${list[i + 1]}`] : [])).toSorted();
}
