import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { readPlainRequest } from "../../src/proxy/plain-request.ts";
import { openSocket } from "../support/wire-client.ts";

const MAX_BYTES = 65_536;
const DIGEST = `sha256:${"d".repeat(64)}`;
const HOST = "Host: h";

function head(target: string, ...lines: readonly string[]): Buffer {
  return Buffer.from(`${[`GET ${target} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`, "latin1");
}

const PLAIN: Readonly<Record<string, Buffer>> = {
  "a manifest by its tag": head("/v2/library/app/manifests/latest?ns=registry.test%3A5000", HOST, "Accept: */*"),
  "a manifest by its digest": head(`/v2/app/manifests/${DIGEST}`, HOST),
  "a blob": head(`/v2/registry.test/app/blobs/${DIGEST}`, HOST, "Range: bytes=1-", "Authorization: Bearer x"),
  HEAD: Buffer.from("HEAD /v2/app/manifests/1 HTTP/1.1\r\nhost: h\r\n\r\n"),
  "a connection that is to be kept": head("/v2/app/manifests/1", HOST, "Connection: keep-alive"),
  "a value beyond ASCII": head("/v2/app/manifests/1", HOST, "X-A: caf\u00e9", "X-B:\t b\tc \t", "X-C:"),
};

for (const [name, bytes] of Object.entries(PLAIN)) {
  test(`${name} is plain`, () => {
    assert.equal(readPlainRequest(bytes, MAX_BYTES)?.isLast, false);
  });
}

test("Connection: close makes a plain request the last one", () => {
  assert.equal(readPlainRequest(head("/v2/app/manifests/1", HOST, "Connection: close"), MAX_BYTES)?.isLast, true);
});

const MANIFEST = "/v2/app/manifests/1";

const NOT_PLAIN: Readonly<Record<string, Buffer>> = {
  "a part of a head": head(MANIFEST, HOST).subarray(0, -1),
  "a head with a byte behind it": Buffer.concat([head(MANIFEST, HOST), Buffer.from("G")]),
  "two heads": Buffer.concat([head(MANIFEST, HOST), head(MANIFEST, HOST)]),
  "a head beyond the limit": head(MANIFEST, HOST, `X: ${"x".repeat(MAX_BYTES)}`),
  "no Host": head(MANIFEST),
  "two of Host": head(MANIFEST, HOST, "host: i"),
  "a body": head(MANIFEST, HOST, "Content-Length: 0"),
  chunks: head(MANIFEST, HOST, "transfer-encoding: chunked"),
  "an expectation": head(MANIFEST, HOST, "Expect: 100-continue"),
  "an upgrade": head(MANIFEST, HOST, "Upgrade: h2c"),
  "a trailer": head(MANIFEST, HOST, "Trailer: x"),
  "a header of this hop": head(MANIFEST, HOST, "Connection: x-hop", "X-Hop: 1"),
  "Connection twice": head(MANIFEST, HOST, "Connection: close", "Connection: keep-alive"),
  "Proxy-Connection": head(MANIFEST, HOST, "Proxy-Connection: close"),
  "another method": Buffer.from("POST /v2/app/manifests/1 HTTP/1.1\r\nHost: h\r\n\r\n"),
  "a method in small letters": Buffer.from("get /v2/app/manifests/1 HTTP/1.1\r\nHost: h\r\n\r\n"),
  "HTTP/1.0": Buffer.from("GET /v2/app/manifests/1 HTTP/1.0\r\nHost: h\r\n\r\n"),
  "an absolute target": head("http://h/v2/app/manifests/1", HOST),
  "a ping": head("/v2/", HOST),
  "a listing": head("/v2/app/tags/list", HOST),
  "an upload": head("/v2/app/blobs/uploads/", HOST),
  "an upload's session": head("/v2/app/blobs/uploads/abc", HOST),
  "an encoded path": head("/v2/app%2fb/manifests/1", HOST),
  "a fragment": head("/v2/app/manifests/1#x", HOST),
  "a folded line": head(MANIFEST, HOST, "X: a", " b"),
  "a space before the colon": head(MANIFEST, HOST, "X : a"),
  "a line without a colon": head(MANIFEST, HOST, "X"),
  "a bare LF": head(MANIFEST, HOST, "X: a\nY: b"),
  "a bare CR": head(MANIFEST, HOST, "X: a\rY: b"),
  "a NUL": head(MANIFEST, HOST, "X: a\0b"),
};

for (const [name, bytes] of Object.entries(NOT_PLAIN)) {
  test(`${name} is not plain`, () => {
    assert.equal(readPlainRequest(bytes, MAX_BYTES), undefined);
  });
}

const target = fc.oneof(
  fc.constantFrom(
    MANIFEST,
    `/v2/a/blobs/${DIGEST}`,
    "/v2/a/manifests/x?ns=r",
    "/v2//manifests/..",
    "/v2/a/blobs/x?a#b",
  ),
  fc.constant(MANIFEST),
  fc.string().map((text) => `/v2/${text}/manifests/x`),
);
const line = fc.oneof(
  fc.constantFrom(
    HOST,
    "Accept: a, b",
    "User-Agent: x",
    "Connection: keep-alive",
    "Connection: close",
    "X:",
    "X: \t a \t",
  ),
  fc.constantFrom(
    "Host: i",
    "Content-Length: 0",
    "Expect: x",
    " folded",
    "X\t: y",
    "a\nb: c",
    "a: \rb",
    "Keep-Alive: 5",
  ),
  fc.tuple(fc.string(), fc.string({ unit: "binary" })).map(([name, value]) => `${name}: ${value}`),
);
const end = fc.oneof({ weight: 6, arbitrary: fc.constant("\r\n\r\n") }, fc.constantFrom("\n\n", "\r\n", "\r\n\r\nx"));

test("what is plain is read as Node.js reads it", async (t) => {
  const parse = await startParser(t);
  let plain = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("GET", "HEAD", "GET", "get"),
      target,
      fc.array(line, { maxLength: 3 }).map((lines) => [HOST, ...lines]),
      end,
      async (method, path, lines, last) => {
        const bytes = Buffer.from([`${method} ${path} HTTP/1.1`, ...lines].join("\r\n") + last, "latin1");
        const request = readPlainRequest(bytes, MAX_BYTES);
        if (request === undefined) return;
        plain += 1;
        const { isLast, ...known } = request;
        const { connection = "keep-alive", ...parsed } = await parse(bytes);
        assert.deepEqual(known, parsed);
        assert.equal(isLast, connection === "close");
      },
    ),
    { numRuns: 2_000 },
  );
  assert.ok(plain >= 100, `${plain} of them were plain`);
});

/** What Node.js reads of these bytes. Rejects if it refuses them. */
async function startParser(t: TestContext) {
  let told: RequestListener | undefined;
  const server = createServer((request, response) => told?.(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return async (bytes: Buffer) => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    told = resolve;
    const socket = await openSocket(port);
    socket.on("close", () => reject(new Error(`Node.js refuses ${JSON.stringify(bytes.toString("latin1"))}`)));
    socket.write(bytes);
    const { method, url, httpVersion, rawHeaders, headers } = await promise;
    socket.destroy();
    return { method, url, httpVersion, rawHeaders, connection: headers.connection?.toLowerCase() };
  };
}
