import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test, type TestContext } from "node:test";
import { isDigest, type Digest } from "../../src/oci/digest.ts";
import { BlobVerifier } from "../../src/proxy/blob-verifier.ts";
import { startProxy, upstreamAt } from "../support/data-plane.ts";
import { responseBytes, startScriptedUpstream } from "../support/scripted-upstream.ts";
import { openSocket, parseResponse, wireRequest, type WireResponse } from "../support/wire-client.ts";

const CONTENT = randomBytes(3_000_000);

function digestOf(content: Buffer): Digest {
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  assert.ok(isDigest(digest));
  return digest;
}

async function start(t: TestContext, verifyBlobs: number, served: Buffer, head: readonly string[] = []) {
  const upstream = await startScriptedUpstream(({ socket }) => {
    socket.write(responseBytes(["HTTP/1.1 200 OK", `Content-Length: ${served.length}`, ...head], served));
  });
  t.after(() => upstream.close());
  return startProxy(t, {
    upstreams: [upstreamAt(upstream.origin, { verifyBlobs })],
    listener: { registry: "registry.test" },
  });
}

function get(port: number): Promise<WireResponse> {
  return wireRequest(port, [`GET /v2/library/app/blobs/${digestOf(CONTENT)} HTTP/1.1`, "Host: h"]);
}

test("a blob that is what its digest says is verified, and passes untouched", async (t) => {
  const proxy = await start(t, 1, CONTENT);
  assert.ok((await get(proxy.port)).body.equals(CONTENT));
  assert.equal((await proxy.event("finished")).verified, "match");
});

test("one wrong bit is found, and passes untouched: the client decides", async (t) => {
  const wrong = Buffer.from(CONTENT);
  wrong[2_000_000]! ^= 1;
  const proxy = await start(t, 1, wrong);
  assert.ok((await get(proxy.port)).body.equals(wrong));
  assert.equal((await proxy.event("finished")).verified, "mismatch");
});

for (const content of [CONTENT, CONTENT.subarray(0, 2_000)]) {
  test(`a client that has all ${content.length} bytes need not wait until they are verified`, async (t) => {
    const proxy = await start(t, 1, content);
    const socket = await openSocket(proxy.port);
    socket.write(`GET /v2/library/app/blobs/${digestOf(content)} HTTP/1.1\r\nHost: h\r\n\r\n`);
    let read = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      read = Buffer.concat([read, chunk]);
      if (parseResponse(read).complete) socket.destroy();
    });
    const { bytes, verified } = await proxy.event("finished");
    assert.deepEqual([bytes, verified], [content.length, "match"]);
    await proxy.event("connection-closed");
    assert.deepEqual(
      proxy.events.filter(({ type }) => type === "failed"),
      [],
    );
  });
}

for (const [what, share, head] of [
  ["a blob that is not drawn", 0, []],
  ["a coded body", 1, ["Content-Encoding: gzip"]],
] as const) {
  test(`${what} is not looked at`, async (t) => {
    const proxy = await start(t, share, CONTENT, head);
    await get(proxy.port);
    assert.equal((await proxy.event("finished")).verified, undefined);
  });
}

test("a share of blobs is drawn", async (t) => {
  const draws = [0.05, 0.2, 0.09, 0.1, 0.99];
  const verifier = new BlobVerifier(() => draws.shift() ?? 1);
  t.after(() => verifier.close());
  const digest = digestOf(CONTENT);
  const drawn = [1, 2, 3, 4, 5].map(() => verifier.draw(digest, 0.1) !== undefined);
  assert.deepEqual(drawn, [true, false, true, false, false]);
});

test("several blobs at once are told apart, and chunks may be used again", async (t) => {
  const verifier = new BlobVerifier();
  t.after(() => verifier.close());
  const contents = Array.from({ length: 5 }, () => randomBytes(300_000));
  const checks = contents.map((content) => verifier.draw(digestOf(content), 1)!);
  const reused = Buffer.alloc(100_000);
  for (let at = 0; at < 300_000; at += reused.length) {
    for (const [i, content] of contents.entries()) {
      content.copy(reused, 0, at);
      checks[i]!.add(reused);
    }
  }
  assert.deepEqual(new Set(await Promise.all(checks.map((check) => check.end()))), new Set(["match"]));
});

test("what waits to be hashed is bounded: beyond it a blob passes unverified, and the next one is verified", async (t) => {
  const verifier = new BlobVerifier();
  t.after(() => verifier.close());
  const check = verifier.draw(digestOf(CONTENT), 1)!;
  check.add(Buffer.alloc(65 * 1024 * 1024));
  assert.equal(await check.end(), "skipped");
  const next = verifier.draw(digestOf(CONTENT), 1)!;
  next.add(CONTENT);
  assert.equal(await next.end(), "match");
});

test("who waits when the thread ends is answered", async () => {
  const verifier = new BlobVerifier();
  const check = verifier.draw(digestOf(CONTENT), 1)!;
  check.add(CONTENT);
  const ended = check.end();
  await verifier.close();
  assert.ok(["match", "skipped"].includes(await ended));
});
