import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { couldBecomeHead, parseResponseHead } from "../../../src/upstream/response-head.ts";

function parse(lines: readonly string[], method = "GET") {
  return parseResponseHead(lines.join("\r\n"), method);
}

test("names and values are those of the wire: case, order, duplicates, bytes beyond ASCII", () => {
  const head = parse([
    "HTTP/1.1 200 OK",
    "docker-Content-DIGEST: sha256:x",
    "Set-Cookie: a",
    "Set-Cookie:b\t ",
    "X-Nothing:",
    "X-Name: \xe9 \xa0",
    "Content-Length: 5",
  ]);
  assert.deepEqual(head, {
    status: 200,
    statusText: "OK",
    headers: [
      "docker-Content-DIGEST",
      "sha256:x",
      "Set-Cookie",
      "a",
      "Set-Cookie",
      "b",
      "X-Nothing",
      "",
      "X-Name",
      "\xe9 \xa0",
      "Content-Length",
      "5",
    ],
    framing: { kind: "length", bytes: 5 },
    keepsAlive: true,
    keepAliveSeconds: undefined,
  });
});

const framings = [
  { lines: ["HTTP/1.1 200 OK", "content-length: 0"], framing: { kind: "none" } },
  { lines: ["HTTP/1.1 200", "CONTENT-LENGTH: 7"], framing: { kind: "length", bytes: 7 } },
  { lines: ["HTTP/1.1 404 ", "Transfer-Encoding: Chunked"], framing: { kind: "chunked" } },
  { lines: ["HTTP/1.1 204 No Content"], framing: { kind: "none" } },
  { lines: ["HTTP/1.1 304 Not Modified", "Content-Length: 9"], framing: { kind: "none" } },
  { lines: ["HTTP/1.1 200 OK", "Content-Length: 9"], method: "HEAD", framing: { kind: "none" } },
  { lines: ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], method: "HEAD", framing: { kind: "none" } },
  { lines: ["HTTP/1.1 200 OK"], method: "HEAD", framing: { kind: "none" } },
];
for (const { lines, method = "GET", framing } of framings) {
  test(`the body of a ${method} ends as ${JSON.stringify(framing)} says after ${lines.join(", ")}`, () => {
    assert.deepEqual(parse(lines, method)?.framing, framing);
  });
}

function answer(...lines: string[]) {
  return parse(["HTTP/1.1 200 OK", "Content-Length: 1", ...lines]);
}

test("a connection ends where either side says close, and says how long it waits", () => {
  for (const value of ["close", "Close", "foo, close", "close,foo"]) {
    assert.equal(answer(`Connection: ${value}`)?.keepsAlive, false, value);
  }
  for (const value of ["keep-alive", "closed", "x-close"]) {
    assert.equal(answer(`Connection: ${value}`)?.keepsAlive, true, value);
  }
  assert.equal(answer("Connection: a", "connection: close")?.keepsAlive, false);
  assert.equal(answer("Keep-Alive: timeout=5, max=100")?.keepAliveSeconds, 5);
  assert.equal(answer("Keep-Alive: max=100")?.keepAliveSeconds, undefined);
});

const OK = "HTTP/1.1 200 OK";
/** What must be read by somebody else: each can be understood in two ways, or needs a parser that knows more. */
const odd: Record<string, string> = {
  "an older version": "HTTP/1.0 200 OK\r\nContent-Length: 1",
  "another version": "HTTP/2 200 OK\r\nContent-Length: 1",
  "a lower-case version": "http/1.1 200 OK\r\nContent-Length: 1",
  "no version": "ICY 200 OK\r\nContent-Length: 1",
  "two spaces": "HTTP/1.1  200 OK\r\nContent-Length: 1",
  "a status of two digits": "HTTP/1.1 20 OK\r\nContent-Length: 1",
  "a status of four digits": "HTTP/1.1 2000 OK\r\nContent-Length: 1",
  "a status beyond 599": "HTTP/1.1 600 Odd\r\nContent-Length: 1",
  "an interim response": "HTTP/1.1 100 Continue",
  "an early hint": "HTTP/1.1 103 Early Hints\r\nContent-Length: 1",
  "an upgrade": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x",
  "a body until the connection ends": OK,
  "two lengths": `${OK}\r\nContent-Length: 1\r\nContent-Length: 2`,
  "the same length twice": `${OK}\r\nContent-Length: 1\r\nContent-Length: 1`,
  "a list of lengths": `${OK}\r\nContent-Length: 1, 1`,
  "a signed length": `${OK}\r\nContent-Length: +1`,
  "a negative length": `${OK}\r\nContent-Length: -1`,
  "a hexadecimal length": `${OK}\r\nContent-Length: 0x10`,
  "no length at all": `${OK}\r\nContent-Length:`,
  "a length with a unit": `${OK}\r\nContent-Length: 1b`,
  "a length beyond what numbers hold": `${OK}\r\nContent-Length: 99999999999999999`,
  "a length and a coding": `${OK}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked`,
  "a length and a coding, to HEAD as well": `${OK}\r\nTransfer-Encoding: chunked\r\nContent-Length: 1`,
  "another coding": `${OK}\r\nTransfer-Encoding: gzip`,
  "two codings": `${OK}\r\nTransfer-Encoding: gzip, chunked`,
  "the coding twice": `${OK}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked`,
  "a disguised coding": `${OK}\r\nTransfer-Encoding: \x0bchunked`,
  "a folded line": `${OK}\r\nX: a\r\n b\r\nContent-Length: 1`,
  "a folded length": `${OK}\r\nContent-Length:\r\n 1`,
  "a folded first line": `${OK}\r\n X: a\r\nContent-Length: 1`,
  "a space before the colon": `${OK}\r\nContent-Length : 1`,
  "a name with a space": `${OK}\r\nContent Length: 1\r\nContent-Length: 1`,
  "an empty name": `${OK}\r\n: 1\r\nContent-Length: 1`,
  "no colon": `${OK}\r\nContent-Length: 1\r\nNothing`,
  "an empty line": `${OK}\r\n\r\nContent-Length: 1`,
  "a line that ends with LF": `${OK}\nContent-Length: 1`,
  "a line that ends with CR": `${OK}\rContent-Length: 1`,
  "a CR in a value": `${OK}\r\nX: a\rContent-Length: 2\r\nContent-Length: 1`,
  "a LF in a value": `${OK}\r\nX: a\nContent-Length: 2\r\nContent-Length: 1`,
  "a NUL": `${OK}\r\nX: a\0b\r\nContent-Length: 1`,
  "a DEL": `${OK}\r\nX: a\x7fb\r\nContent-Length: 1`,
  "a name beyond ASCII": `${OK}\r\nContent-Length\xa0: 1\r\nContent-Length: 1`,
  nothing: "",
};
for (const [name, text] of Object.entries(odd)) {
  test(`not read here: ${name}`, () => {
    assert.equal(parseResponseHead(text, "GET"), undefined);
    if (text.includes("Length: 1") && text.includes("Encoding")) {
      assert.equal(parseResponseHead(text, "HEAD"), undefined);
    }
  });
}

const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,30}$/);
const value = fc.stringMatching(/^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]{0,40}[\x21-\x7e\x80-\xff])?)?$/);
const framed = /^(?:content-length|transfer-encoding)$/i;

test("what is read is what was written", () => {
  const header = fc.tuple(
    token.filter((name) => !framed.test(name)),
    value,
  );
  fc.assert(
    fc.property(fc.array(header), fc.nat(), (headers, bytes) => {
      const all = [...headers, ["Content-Length", String(bytes)]];
      const head = parse(["HTTP/1.1 200 OK", ...all.map(([name, text]) => `${name}: ${text}`)]);
      assert.deepEqual(head?.headers, all.flat());
    }),
  );
});

test("no bytes make the parser throw, and whatever it reads says once where the body ends", () => {
  const piece = fc.oneof(
    fc.constantFrom(OK, "\r\n", "\n", "\r", ":", " ", "Content-Length", "Transfer-Encoding", "chunked", "1", "\0"),
    fc.string({ unit: "binary-ascii", maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const head = parseResponseHead(`${OK}\r\n${pieces.join("")}`, "GET");
      if (head === undefined) return;
      const told = head.headers.filter((text, i) => i % 2 === 0 && framed.test(text));
      assert.equal(told.length, 1);
    }),
    { numRuns: 2_000 },
  );
});

test("the start of a good head could become one, wherever it is cut; that of an odd one could not", () => {
  const head = Buffer.from(`${OK}\r\nX-Name: \xe9\tvalue\r\nContent-Length: 12\r\n\r\n`, "latin1");
  for (let end = 1; end < head.length; end += 1) {
    for (const from of [0, Math.floor(end / 2), end - 1]) assert.ok(couldBecomeHead(head.subarray(0, end), from));
  }
  for (const text of ["HTTP/1.0", "HTTP/2", "h", "\r\n", `${OK}\n`, `${OK}\r\nX: a\rb`, `${OK}\r\nX: \0`, "\x16\x03"]) {
    assert.ok(!couldBecomeHead(Buffer.from(text, "latin1"), 0), JSON.stringify(text));
  }
});
