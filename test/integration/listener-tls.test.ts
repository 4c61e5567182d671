import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request } from "node:https";
import type { Socket } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { TlsMaterial } from "../../src/access/protection.ts";
import { startProxy, upstreamAt, type TestProxy, type TestProxyOptions } from "../support/data-plane.ts";
import { responseBytes, startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { openSocket, parseResponse, readAll, valueOf } from "../support/wire-client.ts";

const BLOB = `/v2/library/app/blobs/sha256:${"d".repeat(64)}?ns=registry.test`;
/** 8 MiB: more than the buffers between upstream and client hold. */
const LAYER = Buffer.alloc(8 * 1_048_576, "layer of many bytes");
const LAYER_SHA256 = createHash("sha256").update(LAYER).digest("hex");

const LEAVING_CLIENTS = join(import.meta.dirname, "../support/leaving-clients-main.ts");

const SERVER: TlsMaterial = { cert: TEST_TLS.cert, key: TEST_TLS.key };
const MUTUAL: TlsMaterial = { ...SERVER, clientCa: TEST_TLS.clientCa };
const CLIENT = { cert: TEST_TLS.client, key: TEST_TLS.clientKey };

async function startTls(
  t: TestContext,
  tls: TlsMaterial = SERVER,
  options: Partial<TestProxyOptions> & { readonly respond?: (request: WireRequest) => void } = {},
): Promise<TestProxy> {
  const { respond = sendLayer, listener, ...others } = options;
  const upstream = await startScriptedUpstream(respond);
  t.after(() => upstream.close());
  return startProxy(t, {
    upstreams: [upstreamAt(upstream.origin)],
    listener: { protection: { tls }, ...listener },
    ...others,
  });
}

function sendLayer({ socket }: WireRequest): void {
  socket.write(responseBytes(["HTTP/1.1 200 OK", `Content-Length: ${LAYER.length}`], LAYER));
}

/** Asks over a connection of its own. Rejects if there is no connection or no response. */
async function ask(proxy: TestProxy, path: string, options: ConnectionOptions = {}) {
  const asked = request({ host: "127.0.0.1", port: proxy.port, path, ca: TEST_TLS.ca, agent: false, ...options });
  asked.end();
  const [response] = (await once(asked, "response")) as [import("node:http").IncomingMessage];
  return { status: response.statusCode, body: await buffer(response) };
}

async function open(t: TestContext, proxy: TestProxy, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ host: "127.0.0.1", port: proxy.port, ca: TEST_TLS.ca, ...options });
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
}

/** How many connections became any. */
function opened(proxy: TestProxy): number {
  return proxy.events.filter(({ type }) => type === "connection-opened").length;
}

test("a layer arrives whole over TLS, on one connection that is closed with its client", async (t) => {
  const proxy = await startTls(t);
  const { status, body } = await ask(proxy, BLOB);
  assert.equal(status, 200);
  assert.equal(createHash("sha256").update(body).digest("hex"), LAYER_SHA256);
  const { transfer } = await proxy.event("finished");
  const { connection } = await proxy.event("started", (event) => event.transfer === transfer);
  await proxy.event("connection-closed", (event) => event.connection === connection);
  assert.equal(opened(proxy), 1);
});

test("a client that goes away in the middle of a body over TLS cancels the request to the upstream", async (t) => {
  let upstreamClosed: Promise<unknown> | undefined;
  const proxy = await startTls(t, SERVER, {
    respond: ({ socket }) => {
      upstreamClosed = once(socket, "close");
      socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 100"], "half"));
    },
  });
  const socket = await open(t, proxy);
  socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await once(socket, "data");
  socket.destroy();
  assert.equal((await proxy.event("failed")).failure, "client_aborted");
  await upstreamClosed;
});

const SMALL = {
  "of known length": ({ socket }: WireRequest): void =>
    void socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 5"], "whole")),
  "in chunks": ({ socket }: WireRequest): void => {
    socket.write(responseBytes(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], "5\r\nwhole\r\n"));
    setImmediate(() => socket.write("0\r\n\r\n"));
  },
};

for (const [what, respond] of Object.entries(SMALL)) {
  for (const how of ["end", "destroy"]) {
    test(`a client that leaves over TLS by ${how}, with all of an answer ${what}, did not abort it`, async (t) => {
      const proxy = await startTls(t, SERVER, { respond });
      const last = what === "in chunks" ? "0\r\n\r\n" : "whole";
      const args = [LEAVING_CLIENTS, String(proxy.port), BLOB, last, how, "200"];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      assert.equal(stdout, "200\n");
      const failed = proxy.events.filter(({ type }) => type === "failed");
      assert.deepEqual(failed, []);
    });
  }
}

test("what is older than TLS 1.2 is refused, and counted", async (t) => {
  const proxy = await startTls(t);
  const old: ConnectionOptions = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
  await assert.rejects(ask(proxy, BLOB, old), /protocol version/);
  assert.equal((await proxy.event("refused")).reason, "tls_handshake");
  assert.equal(opened(proxy), 0);
  assert.equal((await ask(proxy, BLOB, { maxVersion: "TLSv1.2" })).status, 200);
});

test("plain HTTP on a TLS port is counted as that", async (t) => {
  const proxy = await startTls(t);
  const socket = await openSocket(proxy.port);
  socket.write("GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n");
  await readAll(socket);
  assert.equal((await proxy.event("refused")).reason, "plain_on_tls_port");
  assert.equal(opened(proxy), 0);
});

test("with a CA for clients, one with a certificate of it is served", async (t) => {
  const proxy = await startTls(t, MUTUAL);
  assert.equal((await ask(proxy, BLOB, CLIENT)).status, 200);
});

for (const [what, certificate] of [
  ["no certificate", {}],
  ["a certificate of another CA", { cert: TEST_TLS.cert, key: TEST_TLS.key }],
  ["a certificate that has expired", { cert: TEST_TLS.clientExpired, key: TEST_TLS.clientKey }],
] as const) {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`… one with ${what} is not, in ${maxVersion}: it is no connection, and counted`, async (t) => {
      const proxy = await startTls(t, MUTUAL);
      await assert.rejects(ask(proxy, BLOB, { ...certificate, maxVersion }));
      assert.equal((await proxy.event("refused")).reason, "tls_handshake");
      assert.equal(opened(proxy), 0);
      await proxy.drain(60_000);
    });
  }
}

test("a client that is silent, or slow with its handshake, is cut off", async (t) => {
  const proxy = await startTls(t, SERVER, { settings: { clientHeadTimeoutMs: 100 } });
  const [silent, slow] = [await openSocket(proxy.port), await openSocket(proxy.port)];
  // The start of a ClientHello.
  slow.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
  await Promise.all([readAll(silent), readAll(slow)]);
  assert.equal(opened(proxy), 0);
});

test("a client that is slow with its head in TLS is told so, one that never sends any is not", async (t) => {
  const proxy = await startTls(t, SERVER, { settings: { clientHeadTimeoutMs: 100 } });
  const [slow, silent] = [await open(t, proxy), await open(t, proxy)];
  slow.write("GET /v2/ HTTP/1.1\r\nHost:");
  const [told, nothing] = await Promise.all([readAll(slow), readAll(silent)]);
  assert.equal(parseResponse(told).statusLine, "HTTP/1.1 408 Request Timeout");
  assert.equal(nothing.length, 0);
});

test("bytes in TLS that are no request are answered in TLS", async (t) => {
  const proxy = await startTls(t);
  for (const [bytes, status] of [
    ["nonsense\r\n\r\n", 400],
    ["CONNECT registry.test:443 HTTP/1.1\r\nHost: registry.test\r\n\r\n", 405],
  ] as const) {
    const socket = await open(t, proxy);
    socket.write(bytes);
    assert.match(parseResponse(await readAll(socket)).statusLine, new RegExp(` ${status} `));
  }
});

test("draining does not wait for handshakes", async (t) => {
  const proxy = await startTls(t, SERVER, { settings: { clientHeadTimeoutMs: 60_000 } });
  const socket = await openSocket(proxy.port);
  const served = await open(t, proxy);
  const ended = Promise.all([readAll(socket), readAll(served)]);
  const startMs = performance.now();
  await proxy.drain(60_000);
  await ended;
  assert.ok(performance.now() - startMs < 30_000);
});

test("certificates are changed under a running transfer, which goes on, and new connections see the new ones", async (t) => {
  let upstream: Socket | undefined;
  const proxy = await startTls(t, MUTUAL, {
    respond: ({ socket }) => {
      upstream = socket;
      socket.write(responseBytes(["HTTP/1.1 200 OK", `Content-Length: ${LAYER.length}`], LAYER.subarray(0, 1000)));
    },
  });
  const socket = await open(t, proxy, CLIENT);
  socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
  const [start] = (await once(socket, "data")) as [Buffer];
  const rest = readAll(socket);

  proxy.protect("test", { tls: { cert: TEST_TLS.rotated, key: TEST_TLS.clientKey, clientCa: TEST_TLS.ca } });

  await assert.rejects(ask(proxy, BLOB, CLIENT), "the former certificate of the server is not trusted any more");
  const others = { ca: TEST_TLS.clientCa, cert: TEST_TLS.cert, key: TEST_TLS.key };
  const renewed = await open(t, proxy, others);
  assert.equal(renewed.getPeerCertificate().subject.CN, "rotated");
  await assert.rejects(ask(proxy, BLOB, { ca: TEST_TLS.clientCa, ...CLIENT }), "nor is the former CA of clients");

  upstream?.write(LAYER.subarray(1000));
  const { body } = parseResponse(Buffer.concat([start, await rest]));
  assert.equal(createHash("sha256").update(body).digest("hex"), LAYER_SHA256);
});

test("a session of before cannot be resumed when another CA's clients are wanted", async (t) => {
  const proxy = await startTls(t, MUTUAL);
  const socket = await open(t, proxy, { ...CLIENT, maxVersion: "TLSv1.2" });
  const session = socket.getSession();
  assert.ok(session);
  proxy.protect("test", { tls: { ...SERVER, clientCa: TEST_TLS.ca } });
  await assert.rejects(ask(proxy, BLOB, { ...CLIENT, session, maxVersion: "TLSv1.2" }));
});

test("with relayed tokens, clients are led to the proxy by https", async (t) => {
  const proxy = await startTls(t, SERVER, {
    listener: { tokens: "relay", protection: { tls: SERVER } },
    tokenRelay: { domainOf: (host) => host },
  });
  const socket = await open(t, proxy);
  socket.write("GET /v2/ HTTP/1.1\r\nHost: mirror.test:5000\r\nConnection: close\r\n\r\n");
  const { headers } = parseResponse(await readAll(socket));
  assert.match(valueOf(headers, "www-authenticate") ?? "", /realm="https:\/\/mirror\.test:5000\/_pullmeter\/token"/);
});
