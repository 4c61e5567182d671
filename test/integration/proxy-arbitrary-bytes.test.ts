import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseRoute } from "../../src/oci/route.ts";
import { startProxy, upstreamAt } from "../support/data-plane.ts";
import { openSocket, readAll, wireRequest } from "../support/wire-client.ts";

const DIGEST = `sha256:${"d".repeat(64)}`;

const TARGETS = ["/v2/", "/v2/a/manifests/x", `/v2/a/blobs/${DIGEST}`, "/v2/a/blobs/uploads/", "/v2/a/tags/list"];

// Pieces of requests, put together in any order and mixed with anything.
const piece = fc.oneof(
  fc.constantFrom("GET ", "HEAD ", "POST ", "PATCH ", "DELETE ", "CONNECT ", "PRI ", "get ", "\u0016\u0003\u0001"),
  fc.constantFrom(...TARGETS, "*", "//"),
  fc.constantFrom("?ns=registry.test", "?ns=", "&ns=%", "%2e%2e/", "%00", "#"),
  fc.constantFrom(" HTTP/1.1\r\n", " HTTP/1.0\r\n", " HTTP/2.0\r\n", "\r\n", "\n", "\r", "\r\n\r\n", "\r\n\r\n"),
  fc.constantFrom(
    "Host: h\r\n",
    "Host: h\r\nHost: i\r\n",
    "Connection: close\r\n",
    "Connection: upgrade\r\nUpgrade: h2c\r\n",
  ),
  fc.constantFrom(
    "Content-Length: 5\r\n",
    "Content-Length: -1\r\n",
    "Transfer-Encoding: chunked\r\n",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
  ),
  fc.constantFrom(
    "Expect: 100-continue\r\n",
    "Expect: x\r\n",
    "Trailer: x\r\n",
    "TE: trailers\r\n",
    "Range: bytes=1-\r\n",
  ),
  fc.string({ unit: "binary" }),
);
const request = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
const HEADERS = ["Connection: close", "Connection: upgrade", "Upgrade: h2c", "Content-Length: 5", "Content-Length: 0"];
HEADERS.push("Transfer-Encoding: chunked", "Expect: 100-continue", "Trailer: x", "TE: trailers", "Range: bytes=1-");
const whole = fc
  .tuple(
    fc.constantFrom("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"),
    fc.constantFrom(...TARGETS),
    fc.subarray(HEADERS),
    fc.constantFrom("", "", "hello", "5\r\nhello\r\n0\r\n\r\n", "5\r\nhel"),
  )
  .map(([method, target, headers, body]) => {
    const lines = [`${method} ${target}?ns=registry.test HTTP/1.1`, "Host: h", ...headers];
    return `${lines.join("\r\n")}\r\n\r\n${body}`;
  });

const PATIENCE_MS = 15;

test("whatever a client writes, it is answered or cut off, every transfer ends once, and the next client is served", async (t) => {
  const seen: string[] = [];
  const upstream = createServer((incoming, response) => {
    seen.push(incoming.url ?? "");
    incoming.resume().on("end", () => response.end("ok"));
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  t.after(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const settings = { clientHeadTimeoutMs: 1_000, headTimeoutMs: 1_000, resumeTimeoutMs: 50 };
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`)],
    listener: { allowPush: true },
    settings,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        request,
        { weight: 3, arbitrary: whole },
        fc.tuple(whole, request).map(([one, other]) => one + other),
      ),
      async (text) => {
        const socket = await openSocket(proxy.port);
        const answered = readAll(socket);
        socket.write(Buffer.from(text, "latin1"));
        // Much of it is never a whole request, and waits for more: such a client gives up.
        const timer = setTimeout(() => socket.end(), PATIENCE_MS);
        socket.once("data", () => socket.end());
        const bytes = await answered;
        clearTimeout(timer);
        assert.ok(
          bytes.length === 0 || bytes.toString("latin1").startsWith("HTTP/1.1 "),
          "nothing but HTTP comes back",
        );
      },
    ),
    { numRuns: 800 },
  );
  const { body } = await wireRequest(proxy.port, ["GET /v2/a/manifests/x?ns=registry.test HTTP/1.1", "Host: h"]);
  assert.equal(body.toString(), "ok");
  await proxy.drain(1_000);
  const started = proxy.events.flatMap((event) => (event.type === "started" ? [event.transfer] : []));
  const ended = proxy.events.flatMap((event) =>
    event.type === "finished" || event.type === "failed" ? [event.transfer] : [],
  );
  assert.deepEqual(ended.toSorted(byNumber), started);
  const opened = proxy.events.filter(({ type }) => type === "connection-opened").length;
  assert.equal(proxy.events.filter(({ type }) => type === "connection-closed").length, opened);
  assert.ok(started.length > 50, "some of it was requests");
  assert.ok(seen.length > 50 && seen.length <= started.length, "no request reached the upstream inside another one");
  assert.deepEqual(
    seen.filter((url) => parseRoute(url.split("?")[0] ?? "").kind === "invalid"),
    [],
  );
});

function byNumber(one: number, other: number): number {
  return one - other;
}
