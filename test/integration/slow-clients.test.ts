import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setInterval as every, setTimeout as after } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import type { Socket } from "node:net";
import { startProxy, upstreamAt } from "../support/data-plane.ts";
import { responseBytes, startScriptedUpstream } from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { openSocket, parseResponse, readAll } from "../support/wire-client.ts";

const BLOB = `/v2/library/app/blobs/sha256:${"d".repeat(64)}?ns=registry.test`;
const UPLOAD = "/v2/library/app/blobs/uploads/session?ns=registry.test";

/** All far shorter than the client pauses. */
const SHORT = {
  connectTimeoutMs: 200,
  headTimeoutMs: 200,
  stallTimeoutMs: 200,
  clientHeadTimeoutMs: 200,
  clientBodyTimeoutMs: 200,
  keepAliveTimeoutMs: 200,
};

/** 16 MiB: more than the kernel, the proxy and the test hold for a client that does not read. */
const LAYER = randomBytes(16 * 1_048_576);

for (const scheme of ["http", "https"] as const) {
  test(`a client that does not read for longer than every timeout gets every byte (${scheme})`, async (t) => {
    const upstream = await startScriptedUpstream(({ socket }) => {
      socket.write(responseBytes(["HTTP/1.1 200 OK", `Content-Length: ${LAYER.length}`], LAYER));
    });
    t.after(() => upstream.close());
    const tls = { cert: TEST_TLS.cert, key: TEST_TLS.key };
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt(upstream.origin)],
      settings: SHORT,
      ...(scheme === "https" && { listener: { protection: { tls } } }),
    });
    const socket: Socket =
      scheme === "http"
        ? await openSocket(proxy.port)
        : connectTls({ port: proxy.port, host: "127.0.0.1", ca: TEST_TLS.ca });
    t.after(() => socket.destroy());
    socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
    await proxy.event("responded");
    // The pause is what is tested: ten times every timeout, and the connection's own check.
    await after(2_000);
    const { body } = parseResponse(await readAll(socket));
    assert.equal(sha256(body), sha256(LAYER));
    const { waits } = await proxy.event("finished");
    assert.ok((waits?.clientMs ?? 0) > 1_500, "it was the client that was waited for");
  });
}

test("a head that comes byte by byte is cut off when its time is over, however lively its client", async (t) => {
  const proxy = await startProxy(t, { upstreams: [], settings: { clientHeadTimeoutMs: 300 } });
  const socket = await openSocket(proxy.port);
  const startMs = performance.now();
  const told = readAll(socket);
  const head = `GET /v2/ HTTP/1.1\r\nHost: h\r\nX-Slow: ${"x".repeat(1_000)}`;
  let written = 0;
  for await (const _ of every(20)) {
    if (socket.closed || written === head.length) break;
    socket.write(head.charAt(written));
    written += 1;
  }
  assert.equal(parseResponse(await told).statusLine, "HTTP/1.1 408 Request Timeout");
  assert.equal((await proxy.event("refused")).reason, "head_timeout");
  // Its time, and how exactly that is kept, which is no longer than the time itself.
  assert.ok(performance.now() - startMs < 5_000);
  assert.ok(written < head.length);
});

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** An upstream that takes uploads, and tells how many bytes came; it may not read for a while first. */
async function startUploads(t: TestContext, options: { readonly pauseMs?: number } = {}) {
  const received: { bytes: number; aborted: boolean }[] = [];
  const server = createServer((request, response) => {
    const upload = { bytes: 0, aborted: false };
    received.push(upload);
    request.on("error", () => (upload.aborted = true));
    setTimeout(() => {
      request.on("data", (chunk: Buffer) => (upload.bytes += chunk.length));
      request.on("end", () => response.writeHead(202).end());
    }, options.pauseMs ?? 0);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(`http://127.0.0.1:${port}`)],
    listener: { allowPush: true },
    settings: { clientBodyTimeoutMs: 300 },
  });
  return { proxy, received };
}

function patchHead(bytes: number): string {
  return `PATCH ${UPLOAD} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`;
}

test("a client that stops in the middle of an upload is cut off, and so is its request to the registry", async (t) => {
  const { proxy, received } = await startUploads(t);
  const socket = await openSocket(proxy.port);
  socket.write(`${patchHead(100)}half`);
  assert.equal((await readAll(socket)).length, 0);
  assert.equal((await proxy.event("refused")).reason, "body_timeout");
  assert.equal((await proxy.event("failed")).failure, "client_aborted");
  assert.ok(received.every(({ bytes }) => bytes <= 4));
});

test("a client that sends something in time, over and over, may take as long as it takes", async (t) => {
  const { proxy, received } = await startUploads(t);
  const socket = await openSocket(proxy.port);
  const told = readAll(socket);
  const pieces = 12;
  socket.write(patchHead(pieces));
  for (let i = 0; i < pieces; i += 1) {
    await after(100);
    socket.write("x");
  }
  assert.match(parseResponse(await told).statusLine, / 202 /);
  assert.deepEqual(received, [{ bytes: pieces, aborted: false }]);
});

test("a client whose upload the registry does not take for a while is not at fault", async (t) => {
  const { proxy, received } = await startUploads(t, { pauseMs: 1_500 });
  const socket = await openSocket(proxy.port);
  const told = readAll(socket);
  socket.write(patchHead(LAYER.length));
  socket.write(LAYER);
  assert.match(parseResponse(await told).statusLine, / 202 /);
  assert.deepEqual(received, [{ bytes: LAYER.length, aborted: false }]);
  assert.deepEqual(
    proxy.events.filter(({ type }) => type === "refused"),
    [],
  );
});

test("a client that stops although the registry has answered already is cut off as well", async (t) => {
  const server = createServer((_, response) => response.writeHead(413).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(`http://127.0.0.1:${port}`)],
    listener: { allowPush: true },
    settings: { clientBodyTimeoutMs: 300 },
  });
  const socket = await openSocket(proxy.port);
  // Without `Connection: close`: it is the proxy that ends it.
  socket.write(`${patchHead(100).replace("Connection: close\r\n", "")}half`);
  assert.match(parseResponse(await readAll(socket)).statusLine, / 413 /);
});

test("an upload that is refused before it is whole spoils no connection, however large it is", async (t) => {
  // Answers without reading, as a registry does that wants a token.
  const upstream = await startScriptedUpstream(({ socket, method }) => {
    const head = `HTTP/1.1 ${method === "PATCH" ? 401 : 200} X\r\nContent-Length: 0\r\n\r\n`;
    socket.pause().write(head);
  });
  t.after(() => upstream.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(upstream.origin)],
    listener: { allowPush: true, registry: "registry.test" },
  });
  const socket = await openSocket(proxy.port);
  t.after(() => socket.destroy());
  socket.write(patchHead(LAYER.length).replace("Connection: close\r\n", ""));
  socket.write(LAYER);
  assert.match(String((await once(socket, "data"))[0]), / 401 /);
  socket.write("GET /v2/library/app/tags/list HTTP/1.1\r\nHost: h\r\n\r\n");
  assert.match(String((await once(socket, "data"))[0]), / 200 /);
});

test("a client that sends without end after it was refused is cut off", async (t) => {
  const proxy = await startProxy(t, { upstreams: [], listener: { registry: "registry.test" } });
  const socket = await openSocket(proxy.port);
  const answered = once(socket, "data");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const more = (): boolean => socket.write(LAYER);
  socket.write(patchHead(1e12).replace("Connection: close\r\n", ""));
  socket.on("drain", more);
  more();
  assert.match(String((await answered)[0]), /^HTTP\/1\.1 405 /);
  await closed;
});

test("the time for a body is none for its response", async (t) => {
  const { proxy } = await startUploads(t, { pauseMs: 1_000 });
  const socket = await openSocket(proxy.port);
  socket.write(`${patchHead(4)}full`);
  assert.match(parseResponse(await readAll(socket)).statusLine, / 202 /);
});
