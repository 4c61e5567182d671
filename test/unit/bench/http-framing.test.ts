import assert from "node:assert/strict";
import { test } from "node:test";
import { formatHead, headerOf, MessageReader, type MessageHead } from "../../../bench/truth/http-framing.ts";

interface Read {
  readonly heads: MessageHead[];
  readonly bodies: string[];
}

/** Reads `wire` in pieces of `size` bytes. */
function read(wire: string, options: { bodyless?: boolean; size?: number } = {}): Read {
  const heads: MessageHead[] = [];
  const bodies: string[] = [];
  let body = "";
  const reader = new MessageReader({
    onHead: (head) => {
      heads.push(head);
      return { bodyless: options.bodyless ?? false };
    },
    onBody: (bytes) => {
      body += bytes.toString("latin1");
    },
    onEnd: () => {
      bodies.push(body);
      body = "";
    },
  });
  const bytes = Buffer.from(wire, "latin1");
  const size = options.size ?? bytes.length;
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  reader.end();
  return { heads, bodies };
}

test("messages on one connection are told apart by Content-Length, however they are cut into pieces", () => {
  const wire = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno";
  for (const size of [1, 2, 3, 7, wire.length]) {
    const { heads, bodies } = read(wire, { size });
    assert.deepEqual(
      heads.map(({ startLine }) => startLine),
      ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"],
    );
    assert.deepEqual(bodies, ["hello", "no"]);
  }
});

test("a chunked body is given without its framing", () => {
  const wire =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";
  for (const size of [1, 5, wire.length]) assert.deepEqual(read(wire, { size }).bodies, ["Wiki0123456789", ""]);
});

test("a response without length ends with its connection", () => {
  assert.deepEqual(read("HTTP/1.1 200 OK\r\n\r\nall of it").bodies, ["all of it"]);
});

test("a response to HEAD has no body, whatever its Content-Length says", () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 911\r\n\r\n";
  assert.deepEqual(read(head + head, { bodyless: true }).bodies, ["", ""]);
});

test("an interim response is followed by the final one", () => {
  const { heads, bodies } = read("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx");
  assert.equal(heads.length, 2);
  assert.deepEqual(bodies, ["x"]);
});

test("a request without length has no body, so the next request follows at once", () => {
  const { heads } = read("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\nHEAD /v2/a/manifests/b HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.deepEqual(
    heads.map(({ startLine }) => startLine),
    ["GET /v2/ HTTP/1.1", "HEAD /v2/a/manifests/b HTTP/1.1"],
  );
});

test("a cut body is never reported as ended", () => {
  assert.deepEqual(read("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this").bodies, []);
});

test("a head is written as it was read, duplicates and case included", () => {
  const wire = "GET / HTTP/1.1\r\nHost: a\r\nX-Twice: 1\r\nx-twice: 2\r\n\r\n";
  const [head] = read(wire).heads;
  assert.equal(formatHead(head!).toString("latin1"), wire);
  assert.equal(headerOf(head!, "x-twice"), "1");
});
