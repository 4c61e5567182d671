import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import type { Listener } from "../../src/proxy/listener.ts";
import { startProxy, upstreamAt, type TestProxy, type TestProxyOptions } from "../support/data-plane.ts";
import {
  responseBytes,
  startScriptedUpstream,
  type ScriptedUpstream,
  type WireRequest,
} from "../support/scripted-upstream.ts";
import { openSocket, parseResponse, readAll, valueOf, wireRequest } from "../support/wire-client.ts";

const DIGEST = `sha256:${"d".repeat(64)}`;
const MANIFEST = "/v2/library/app/manifests/latest";

async function startPair(
  t: TestContext,
  respond: (request: WireRequest) => void = ok,
  options: Partial<TestProxyOptions> = {},
): Promise<{ readonly upstream: ScriptedUpstream; readonly proxy: TestProxy }> {
  const upstream = await startScriptedUpstream(respond);
  t.after(() => upstream.close());
  return { upstream, proxy: await startProxy(t, { upstreams: [upstreamAt(upstream.origin)], ...options }) };
}

function ok({ socket }: WireRequest): void {
  socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok"));
}

interface RefusalCase {
  readonly request: string;
  readonly status: number;
  readonly code: string;
  readonly reason: string;
  readonly says?: RegExp;
  /** Of a 405. */
  readonly allow?: string;
  readonly listener?: Partial<Listener>;
  readonly headers?: readonly string[];
}

const NS = "?ns=registry.test";

const UNSAFE_SESSIONS = [
  "../../../../admin",
  "..%2f..%2f..%2fadmin",
  "%2e%2e/admin",
  "%2e%2e",
  "..",
  ".",
  "..;x",
  "a;/..",
  "a/b",
  "a//b",
  "/",
  "a%2Fb",
  "a\\..",
  "a%5c..%5cb",
  "%252e%252e",
  "a%00",
  "a%0d%0aX:y",
  "a%20b",
];

const REFUSALS: readonly RefusalCase[] = [
  {
    request: `GET ${MANIFEST}?ns=other.test`,
    status: 403,
    code: "DENIED",
    reason: "unknown_registry",
    says: /other\.test.*registries.*allowRegistries/,
  },
  { request: "GET /v2/?ns=other.test", status: 403, code: "DENIED", reason: "unknown_registry" },
  { request: "GET /v2/other.test/app/manifests/latest", status: 403, code: "DENIED", reason: "unknown_registry" },
  { request: `GET ${MANIFEST}`, status: 403, code: "DENIED", reason: "unknown_registry", says: /\?ns=HOST/ },
  { request: `GET ${MANIFEST}?ns=`, status: 403, code: "DENIED", reason: "unknown_registry" },
  {
    request: `GET ${MANIFEST}?ns=registry.test&ns=registry.test`,
    status: 403,
    code: "DENIED",
    reason: "unknown_registry",
  },
  { request: `GET ${MANIFEST}?ns=user@registry.test`, status: 403, code: "DENIED", reason: "unknown_registry" },
  { request: `GET ${MANIFEST}?ns=registry.test%2F..`, status: 403, code: "DENIED", reason: "unknown_registry" },
  { request: `GET ${MANIFEST}?ns=registry.test%0d%0aX`, status: 403, code: "DENIED", reason: "unknown_registry" },
  { request: `GET ${MANIFEST}?ns=%zz`, status: 403, code: "DENIED", reason: "unknown_registry" },
  { request: `GET ${MANIFEST}?ns=http://registry.test`, status: 403, code: "DENIED", reason: "unknown_registry" },
  { request: `GET ${MANIFEST}?ns=127.0.0.1`, status: 403, code: "DENIED", reason: "unknown_registry" },
  { request: `GET /v2/Upper/manifests/latest${NS}`, status: 400, code: "NAME_INVALID", reason: "bad_name" },
  { request: `GET /v2/a/../b/manifests/latest${NS}`, status: 400, code: "NAME_INVALID", reason: "bad_name" },
  { request: `GET /v2/a/%2e%2e/manifests/latest${NS}`, status: 400, code: "NAME_INVALID", reason: "bad_name" },
  { request: `GET /v2/a/blobs/sha256:123${NS}`, status: 400, code: "DIGEST_INVALID", reason: "bad_digest" },
  {
    request: `GET /v2/a/blobs/sha256:${"D".repeat(64)}${NS}`,
    status: 400,
    code: "DIGEST_INVALID",
    reason: "bad_digest",
  },
  { request: `GET /v2/a/manifests/a:b${NS}`, status: 400, code: "MANIFEST_INVALID", reason: "bad_reference" },
  { request: `GET /v2/a/manifests/..${NS}`, status: 400, code: "MANIFEST_INVALID", reason: "bad_reference" },
  { request: `GET /${NS}`, status: 400, code: "UNSUPPORTED", reason: "bad_path" },
  { request: `GET /v1/search${NS}`, status: 400, code: "UNSUPPORTED", reason: "bad_path" },
  { request: `GET /v2/a/other/x${NS}`, status: 400, code: "UNSUPPORTED", reason: "bad_path" },
  { request: `GET /v2/a%zz/manifests/x${NS}`, status: 400, code: "UNSUPPORTED", reason: "bad_path" },
  { request: `GET http://registry.test${MANIFEST}`, status: 400, code: "UNSUPPORTED", reason: "bad_path" },
  {
    request: `DELETE /v2/a/manifests/${DIGEST}${NS}`,
    status: 405,
    code: "UNSUPPORTED",
    reason: "method",
    says: /allowPush/,
  },
  {
    request: `POST /v2/a/blobs/uploads/${NS}`,
    status: 405,
    code: "UNSUPPORTED",
    reason: "method",
    allow: "",
    headers: ["Content-Length: 0"],
  },
  {
    request: `GET /v2/a/blobs/uploads/1${NS}`,
    status: 405,
    code: "UNSUPPORTED",
    reason: "method",
    allow: "",
    says: /allowPush/,
  },
  ...UNSAFE_SESSIONS.map((session) => ({
    request: `DELETE /v2/a/blobs/uploads/${session}${NS}`,
    status: 400,
    code: "UNSUPPORTED",
    reason: "bad_path",
    listener: { allowPush: true },
  })),
  { request: `GET /v2/a%00/manifests/x${NS}`, status: 400, code: "NAME_INVALID", reason: "bad_name" },
  { request: `GET /v2/a//b/manifests/x${NS}`, status: 400, code: "NAME_INVALID", reason: "bad_name" },
  { request: `GET /v2/a%2f..%2fb/manifests/x${NS}`, status: 400, code: "NAME_INVALID", reason: "bad_name" },
  { request: `GET /v2/a/manifests/%252e%252e${NS}`, status: 400, code: "MANIFEST_INVALID", reason: "bad_reference" },
  { request: "GET /v2/registry.test/../a/manifests/x", status: 400, code: "NAME_INVALID", reason: "bad_name" },
  {
    request: `PUT ${MANIFEST}${NS}`,
    status: 405,
    code: "UNSUPPORTED",
    reason: "method",
    headers: ["Content-Length: 0"],
  },
  {
    request: `OPTIONS ${MANIFEST}${NS}`,
    status: 405,
    code: "UNSUPPORTED",
    reason: "method",
    listener: { allowPush: true },
  },
  {
    request: `TRACE ${MANIFEST}${NS}`,
    status: 405,
    code: "UNSUPPORTED",
    reason: "method",
    listener: { allowPush: true },
  },
  { request: "POST /v2/", status: 405, code: "UNSUPPORTED", reason: "method", headers: ["Content-Length: 0"] },
  {
    request: `GET ${MANIFEST}${NS}`,
    status: 400,
    code: "UNSUPPORTED",
    reason: "bad_request",
    headers: ["Transfer-Encoding: chunked"],
  },
  {
    request: `GET ${MANIFEST}${NS}`,
    status: 400,
    code: "UNSUPPORTED",
    reason: "bad_request",
    headers: ["Content-Length: 1"],
  },
  {
    request: `GET ${MANIFEST}${NS}`,
    status: 400,
    code: "UNSUPPORTED",
    reason: "bad_request",
    headers: ["Host: other"],
  },
];

for (const {
  request,
  status,
  code,
  reason,
  says = /./,
  allow = "GET, HEAD",
  listener = {},
  headers = [],
} of REFUSALS) {
  test(`${request} ${headers.join(" ")} is refused: ${status} ${code}, ${reason}`, async (t) => {
    const { proxy, upstream } = await startPair(t, ok, { listener });
    const response = await wireRequest(proxy.port, [`${request} HTTP/1.1`, "Host: h", ...headers]);
    assert.equal(Number(response.statusLine.split(" ")[1]), status);
    const body = response.body.toString();
    const { errors } = JSON.parse(body) as { errors: { code: string; message: string }[] };
    assert.equal(errors[0]?.code, code);
    assert.match(errors[0]?.message ?? "", says);
    assert.equal(valueOf(response.headers, "allow"), status === 405 ? allow : undefined);
    assert.equal(upstream.connections, 0);
    assert.equal((await proxy.event("refused")).reason, reason);
    assert.equal((await proxy.event("responded")).failure, "refused");
    await proxy.event("finished");
    assert.equal(proxy.events.filter(({ type }) => type === "started").length, 1);
  });
}

test("a refusal of HEAD has no body", async (t) => {
  const { proxy } = await startPair(t);
  const response = await wireRequest(proxy.port, [`HEAD ${MANIFEST}?ns=other.test HTTP/1.1`, "Host: h"], "HEAD");
  assert.equal(response.statusLine, "HTTP/1.1 403 Forbidden");
  assert.equal(response.body.length, 0);
  assert.equal((await proxy.event("finished")).bytes, 0);
});

interface BadHead {
  readonly name: string;
  readonly bytes: string;
  readonly status: number;
  readonly reason: string;
}

const BAD_HEADS: readonly BadHead[] = [
  {
    name: "a head beyond the limit",
    bytes: `GET ${MANIFEST} HTTP/1.1\r\nHost: h\r\nX: ${"x".repeat(70_000)}\r\n\r\n`,
    status: 431,
    reason: "head_too_large",
  },
  {
    name: "a target beyond the limit",
    bytes: `GET /${"x".repeat(70_000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    status: 431,
    reason: "head_too_large",
  },
  {
    name: "a TLS ClientHello",
    bytes: "\u0016\u0003\u0001\u0002\u0000\u0001\u0000",
    status: 400,
    reason: "tls_on_plain_port",
  },
  { name: "no HTTP", bytes: "hello\r\n\r\n", status: 400, reason: "bad_request" },
  { name: "HTTP/2 without asking", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 400, reason: "bad_request" },
  {
    name: "two lengths",
    bytes: `POST ${MANIFEST} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx`,
    status: 400,
    reason: "bad_request",
  },
  {
    name: "length and chunks",
    bytes: `POST ${MANIFEST} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    status: 400,
    reason: "bad_request",
  },
  {
    name: "a folded header",
    bytes: `GET ${MANIFEST} HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n`,
    status: 400,
    reason: "bad_request",
  },
  {
    name: "a space before the colon",
    bytes: `GET ${MANIFEST} HTTP/1.1\r\nHost: h\r\nX : a\r\n\r\n`,
    status: 400,
    reason: "bad_request",
  },
  {
    name: "CONNECT",
    bytes: "CONNECT registry.test:443 HTTP/1.1\r\nHost: registry.test:443\r\n\r\n",
    status: 405,
    reason: "method",
  },
];

for (const { name, bytes, status, reason } of BAD_HEADS) {
  test(`${name} is answered with ${status}, and the connection is closed`, async (t) => {
    const { proxy } = await startPair(t);
    const socket = await openSocket(proxy.port);
    socket.write(Buffer.from(bytes, "latin1"));
    const response = parseResponse(await readAll(socket));
    assert.equal(Number(response.statusLine.split(" ")[1]), status);
    assert.equal(valueOf(response.headers, "connection"), "close");
    assert.match(response.body.toString(), /^\{"errors":\[/);
    assert.equal((await proxy.event("refused")).reason, reason);
    await proxy.event("connection-closed");
    assert.equal(proxy.events.filter(({ type }) => type === "refused").length, 1, "it is counted once");
    assert.equal(proxy.events.filter(({ type }) => type === "started").length, 0);
  });
}

test("a real TLS client is told at once", async (t) => {
  const { proxy } = await startPair(t);
  const socket = connectTls({ port: proxy.port, host: "127.0.0.1" });
  const [error] = await once(socket, "error");
  assert.match(String(error), /wrong version number|SSL/i);
  assert.equal((await proxy.event("refused")).reason, "tls_on_plain_port");
});

test("a client that is slow with its head is cut off", async (t) => {
  const { proxy } = await startPair(t, ok, { settings: { clientHeadTimeoutMs: 100 } });
  const socket = await openSocket(proxy.port);
  socket.write("GET /v2/ HTTP/1.1\r\nHost:");
  const response = parseResponse(await readAll(socket));
  assert.equal(response.statusLine, "HTTP/1.1 408 Request Timeout");
  assert.equal((await proxy.event("refused")).reason, "head_timeout");
});

test("a connection on which nothing was ever sent is closed without a word", async (t) => {
  const { proxy } = await startPair(t, ok, { settings: { clientHeadTimeoutMs: 100 } });
  const socket = await openSocket(proxy.port);
  assert.equal((await readAll(socket)).length, 0);
  await proxy.event("connection-closed");
  assert.equal(proxy.events.filter(({ type }) => type === "refused").length, 0);
});

test("bad bytes behind a request that is being answered are refused when it has its answer", async (t) => {
  const { proxy, upstream } = await startPair(t, () => {});
  const socket = await openSocket(proxy.port);
  socket.write(`GET ${MANIFEST}${NS} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await upstream.until(() => upstream.requests.length === 1);
  socket.write("no http\r\n\r\n");
  const [request] = upstream.requests;
  if (request !== undefined) ok(request);
  const answers = (await readAll(socket)).toString();
  assert.match(answers, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nokHTTP\/1\.1 400 Bad Request\r\n/);
  assert.equal((await proxy.event("refused")).reason, "bad_request");
});

test("bad bytes behind a request that Node.js has read cut the connection, and the upstream", async (t) => {
  const { proxy, upstream } = await startPair(t, () => {});
  const socket = await openSocket(proxy.port);
  socket.write(`GET ${MANIFEST}${NS} HTTP/1.1\r\nHost: h\r\nExpect: nothing\r\n\r\n`);
  await upstream.until(() => upstream.requests.length === 1);
  socket.write("no http\r\n\r\n");
  assert.equal((await readAll(socket)).length, 0);
  await upstream.until(() => upstream.sockets.size === 0);
  assert.equal((await proxy.event("refused")).reason, "bad_request");
});

for (const headers of [
  ["Transfer-Encoding: x", "Transfer-Encoding: chunked"],
  ["Transfer-Encoding: chunked"],
  ["Host: i"],
]) {
  test(`what stands behind a request with ${headers.join(", ")} is no request`, async (t) => {
    const { proxy, upstream } = await startPair(t);
    const socket = await openSocket(proxy.port);
    const hidden = `GET ${MANIFEST}${NS} HTTP/1.1\r\nHost: h\r\n\r\n`;
    socket.write(
      [`GET ${MANIFEST}${NS} HTTP/1.1`, "Host: h", ...headers, "", `0\r\n\r\n${hidden}${hidden}`].join("\r\n"),
    );
    const response = parseResponse(await readAll(socket));
    assert.equal(response.statusLine, "HTTP/1.1 400 Bad Request");
    assert.equal(valueOf(response.headers, "connection"), "close");
    assert.equal(response.complete, true, "nothing comes behind it");
    assert.equal(upstream.connections, 0);
  });
}

for (const version of ["", " HTTP/0.9", " HTTP/2.0"]) {
  test(`a request whose version is "${version.trim()}" is refused`, async (t) => {
    const { proxy, upstream } = await startPair(t);
    const socket = await openSocket(proxy.port);
    socket.write(`GET ${MANIFEST}${NS}${version}\r\nHost: h\r\n\r\n`);
    assert.match((await readAll(socket)).toString(), /HTTP\/1\.[01]/);
    assert.equal((await proxy.event("refused")).reason, "bad_request");
    assert.equal(upstream.connections, 0);
  });
}

test("an expectation that nobody knows is passed over", async (t) => {
  const { proxy, upstream } = await startPair(t);
  const response = await wireRequest(proxy.port, [`GET ${MANIFEST}${NS} HTTP/1.1`, "Host: h", "Expect: 200-maybe"]);
  assert.equal(response.statusLine, "HTTP/1.1 200 OK");
  assert.equal(valueOf(upstream.requests[0]?.headers ?? [], "expect"), undefined);
});

test("a CONNECT that is reset crashes nothing", async (t) => {
  const { proxy } = await startPair(t);
  const socket = await openSocket(proxy.port);
  socket.write("CONNECT registry.test:443 HTTP/1.1\r\nHost: registry.test:443\r\n\r\n");
  await proxy.event("refused");
  socket.resetAndDestroy();
  await proxy.event("connection-closed");
});

test("pipelined requests reach the upstream one after the other", async (t) => {
  const waiting: WireRequest[] = [];
  const { proxy, upstream } = await startPair(t, (request) => waiting.push(request));
  const socket = await openSocket(proxy.port);
  socket.write(`GET ${MANIFEST}${NS} HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(17));
  await upstream.until(() => upstream.requests.length === 1);
  assert.equal(proxy.events.filter(({ type }) => type === "started").length, 1);
  waiting.forEach(ok);
  await upstream.until(() => upstream.requests.length === 2);
  socket.destroy();
  await proxy.event("connection-closed");
  assert.equal(proxy.events.filter(({ type }) => type === "started").length, 2, "nobody waits for the other 15");
});

test("a client may be 16 requests ahead of its answers", async (t) => {
  const { proxy } = await startPair(t);
  const socket = await openSocket(proxy.port);
  socket.write("GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n".repeat(16));
  socket.write("GET /v2/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const answers = (await readAll(socket)).toString().split("HTTP/1.1 200 OK").length - 1;
  assert.equal(answers, 17);
});

test("10,000 pipelined requests at an upstream that never answers cost one, and the connection", async (t) => {
  const { proxy, upstream } = await startPair(t, () => {});
  const socket = await openSocket(proxy.port);
  socket.write(`GET /v2/${NS} HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(10_000));
  await proxy.event("connection-closed");
  assert.equal(socket.bytesRead, 0);
  await upstream.until(() => upstream.sockets.size === 0);
  assert.ok(proxy.events.filter(({ type }) => type === "started").length <= 1);
  assert.ok(upstream.requests.length <= 1);
  const other = await openSocket(proxy.port);
  other.write("GET /v2/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  assert.equal(parseResponse(await readAll(other)).statusLine, "HTTP/1.1 200 OK");
});

test("every listener is bound, or none", async (t) => {
  const { proxy } = await startPair(t);
  const other = startProxy(t, { upstreams: [], listener: { port: proxy.port } });
  await assert.rejects(other, { code: "EADDRINUSE" });
});

test("an IPv4 client of a dual-stack listener is named by its IPv4 address", async (t) => {
  const { proxy } = await startPair(t, ok, { listener: { host: "::" } });
  await wireRequest(proxy.port, ["GET /v2/ HTTP/1.1", "Host: h"]);
  assert.equal((await proxy.event("connection-opened")).remoteAddress, "127.0.0.1");
});
