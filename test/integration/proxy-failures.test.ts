import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Failure } from "../../src/pull/outcome.ts";
import { startProxy, upstreamAt, type TestProxy, type TestProxyOptions } from "../support/data-plane.ts";
import {
  responseBytes,
  startScriptedUpstream,
  type ScriptedUpstream,
  type WireRequest,
} from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { openSocket, wireRequest, type WireResponse } from "../support/wire-client.ts";

const MANIFEST = "/v2/library/app/manifests/v1";
const BLOB = `/v2/library/app/blobs/sha256:${"d".repeat(64)}`;

interface Pair {
  readonly upstream: ScriptedUpstream;
  readonly proxy: TestProxy;
}

async function startPair(
  t: TestContext,
  respond: (request: WireRequest) => void,
  options: Partial<TestProxyOptions> = {},
): Promise<Pair> {
  const upstream = await startScriptedUpstream(respond);
  t.after(() => upstream.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(upstream.origin)],
    listener: { registry: "registry.test" },
    ...options,
  });
  return { upstream, proxy };
}

function get(proxy: TestProxy, target = BLOB): Promise<WireResponse> {
  return wireRequest(proxy.port, [`GET ${target} HTTP/1.1`, "Host: h"]);
}

/** The proxy's own answer: an OCI error body, and the same cause in the event. */
async function assertOwnAnswer(
  proxy: TestProxy,
  response: WireResponse,
  status: number,
  failure: Failure,
): Promise<void> {
  assert.equal(Number(response.statusLine.split(" ")[1]), status);
  const body: unknown = JSON.parse(response.body.toString());
  assert.ok(typeof body === "object" && body !== null && "errors" in body);
  const responded = await proxy.event("responded");
  assert.deepEqual([responded.status, responded.failure], [status, failure]);
  assert.equal(responded.servingHost, undefined);
  await proxy.event("finished");
  const exchanged = await proxy.event("upstream-exchanged");
  assert.equal(exchanged.outcome, failure);
  // What the client reads is what is reported.
  assert.ok(exchanged.detail !== undefined && response.body.toString().includes(exchanged.detail), exchanged.detail);
}

test("an upstream that is down is a 502 at once", async (t) => {
  const { proxy, upstream } = await startPair(t, () => {});
  await upstream.close();
  await assertOwnAnswer(proxy, await get(proxy, MANIFEST), 502, "connect");
});

test("a name that cannot be resolved is a 502", async (t) => {
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt("https://registry.test")],
    listener: { registry: "registry.test" },
    lookup: (_hostname, _options, callback) => callback(Object.assign(new Error("nothing"), { code: "ENOTFOUND" }), ""),
  });
  await assertOwnAnswer(proxy, await get(proxy), 502, "dns");
});

test("an upstream that does not accept in time is a 502", async (t) => {
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt("https://registry.test")],
    listener: { registry: "registry.test" },
    settings: { connectTimeoutMs: 50 },
    lookup: () => {},
  });
  await assertOwnAnswer(proxy, await get(proxy), 502, "connect");
});

test("a certificate that nobody trusts is a 502", async (t) => {
  const upstream = await startScriptedUpstream(() => {}, { tls: TEST_TLS });
  t.after(() => upstream.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(upstream.origin)],
    listener: { registry: "registry.test" },
  });
  await assertOwnAnswer(proxy, await get(proxy), 502, "tls");
  assert.equal(upstream.requests.length, 0);
});

test("a certificate for another name is a 502", async (t) => {
  const upstream = await startScriptedUpstream(() => {}, { tls: TEST_TLS });
  t.after(() => upstream.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(`https://other.test:${upstream.origin.port}`, { ca: TEST_TLS.ca })],
    listener: { registry: "registry.test" },
    lookup: (_hostname, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]),
  });
  await assertOwnAnswer(proxy, await get(proxy), 502, "tls");
});

test("a plain HTTP server on a TLS port is a 502", async (t) => {
  const { upstream } = await startPair(t, () => {});
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(`https://127.0.0.1:${upstream.origin.port}`)],
    listener: { registry: "registry.test" },
    settings: { tlsTimeoutMs: 200 },
  });
  await assertOwnAnswer(proxy, await get(proxy), 502, "tls");
});

test("a handshake that nobody answers has a time of its own, and so has all before it", async (t) => {
  const { upstream } = await startPair(t, () => {});
  const ask = async (settings: { readonly connectTimeoutMs: number; readonly tlsTimeoutMs: number }) => {
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt(`https://registry.test:${upstream.origin.port}`)],
      listener: { registry: "registry.test" },
      settings,
      lookup: (_hostname, _options, callback) => {
        if (settings.connectTimeoutMs > settings.tlsTimeoutMs) callback(null, [{ address: "127.0.0.1", family: 4 }]);
      },
    });
    await get(proxy);
    const { outcome, detail } = await proxy.event("upstream-exchanged");
    return [outcome, detail];
  };
  assert.deepEqual(await ask({ connectTimeoutMs: 60_000, tlsTimeoutMs: 50 }), [
    "tls",
    `registry.test:${upstream.origin.port}: no TLS handshake in time`,
  ]);
  assert.deepEqual(await ask({ connectTimeoutMs: 50, tlsTimeoutMs: 60_000 }), [
    "connect",
    `registry.test:${upstream.origin.port}: no connection in time`,
  ]);
});

test("a CA of one's own is trusted", async (t) => {
  const upstream = await startScriptedUpstream(
    ({ socket }) => socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok")),
    { tls: TEST_TLS },
  );
  t.after(() => upstream.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(upstream.origin, { ca: TEST_TLS.ca })],
    listener: { registry: "registry.test" },
  });
  assert.equal((await get(proxy)).body.toString(), "ok");
});

test("an upstream that never answers is a 504, and its connection is cut", async (t) => {
  const { proxy, upstream } = await startPair(t, () => {}, { settings: { connectTimeoutMs: 50, headTimeoutMs: 50 } });
  await assertOwnAnswer(proxy, await get(proxy), 504, "header_timeout");
  await upstream.until(() => upstream.sockets.size === 0);
});

test("a connection that the upstream closed while it was idle is no failure", async (t) => {
  const { proxy, upstream } = await startPair(t, ({ connection, socket }) => {
    const isSecondOnFirst = connection === 1 && upstream.requests.length === 2;
    if (isSecondOnFirst) socket.destroy();
    else socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok"));
  });
  await get(proxy);
  const response = await get(proxy);
  assert.equal(response.statusLine, "HTTP/1.1 200 OK");
  assert.deepEqual([upstream.connections, upstream.requests.length], [2, 3]);
});

test("an upstream that closes every connection unanswered is a 502 after three attempts, each on two connections", async (t) => {
  const { proxy, upstream } = await startPair(t, ({ socket }) => socket.destroy());
  await assertOwnAnswer(proxy, await get(proxy, MANIFEST), 502, "truncated");
  assert.equal(upstream.requests.length, 6);
});

test("redirects do not add to the time until the head", async (t) => {
  let hops = 0;
  const { proxy } = await startPair(
    t,
    ({ socket }) => {
      hops += 1;
      const bytes = responseBytes(["HTTP/1.1 307 Moved", `Location: /hop-${hops}`, "Content-Length: 0"]);
      setTimeout(() => socket.write(bytes), 30);
    },
    { settings: { connectTimeoutMs: 50, headTimeoutMs: 50 } },
  );
  const response = await get(proxy);
  assert.equal(response.statusLine, "HTTP/1.1 504 Gateway Timeout");
  assert.ok(hops < 10);
});

const MALFORMED: Readonly<Record<string, string>> = {
  "a connection that ends before the head": "",
  "a head that is cut": "HTTP/1.1 200 OK\r\nContent-Le",
  "bytes that are no HTTP": "hello\r\n\r\n",
  "two different lengths": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
  "the same length twice": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nok",
  "a length and chunks":
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  "a negative length": "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
  "a switch of protocols": "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
  "a control character in a header": "HTTP/1.1 200 OK\r\nX-Bad: a\u0001b\r\nContent-Length: 2\r\n\r\nok",
  "a delete character in a header": "HTTP/1.1 200 OK\r\nX-Bad: a\u007fb\r\nContent-Length: 2\r\n\r\nok",
  "a folded header": "HTTP/1.1 200 OK\r\nX-Bad: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
  "a giant head": `HTTP/1.1 200 OK\r\nX-Big: ${"x".repeat(70_000)}\r\nContent-Length: 2\r\n\r\nok`,
};

for (const [name, bytes] of Object.entries(MALFORMED)) {
  test(`${name} is a 502`, async (t) => {
    const { proxy, upstream } = await startPair(t, ({ socket }) => socket.end(bytes, "latin1"));
    const response = await get(proxy);
    assert.equal(response.statusLine, "HTTP/1.1 502 Bad Gateway");
    assert.match(response.body.toString(), /UNAVAILABLE/);
    assert.equal((await proxy.event("responded")).failure, "truncated");
    await upstream.until(() => upstream.sockets.size === 0);
  });
}

const CUTS: Readonly<Record<string, string>> = {
  "fewer bytes than Content-Length says": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
  "chunks that break off": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
  "a chunk that is shorter than it says": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort",
  "a chunk size that is no number": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nxyz\r\n",
};

for (const [name, bytes] of Object.entries(CUTS)) {
  test(`${name}: the client sees a cut, never a clean end`, async (t) => {
    const { proxy } = await startPair(t, ({ socket }) => socket.end(bytes), { settings: { resumeTimeoutMs: 50 } });
    const response = await get(proxy);
    assert.equal(response.statusLine, "HTTP/1.1 200 OK");
    assert.equal(response.complete, false);
    const failed = await proxy.event("failed");
    assert.equal(failed.failure, "truncated");
    assert.equal(failed.bytes, response.body.length);
    assert.equal(proxy.events.filter(({ type }) => type === "finished").length, 0);
  });
}

test("an upstream that stalls in the middle is cut off on both sides", async (t) => {
  const { proxy, upstream } = await startPair(
    t,
    ({ socket }) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
    { settings: { stallTimeoutMs: 100, resumeTimeoutMs: 50 } },
  );
  const response = await get(proxy);
  assert.equal(response.complete, false);
  assert.equal((await proxy.event("failed")).failure, "stalled");
  await upstream.until(() => upstream.sockets.size === 0);
});

test("a client that goes away cancels its upstream request at once", async (t) => {
  const { proxy, upstream } = await startPair(t, ({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome");
  });
  const socket = await openSocket(proxy.port);
  socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await proxy.event("responded");
  socket.destroy();
  await upstream.until(() => upstream.connections === 1 && upstream.sockets.size === 0);
  assert.equal((await proxy.event("failed")).failure, "client_aborted");
  await proxy.event("connection-closed");
  const types = proxy.events.map(({ type }) => type);
  assert.ok(types.indexOf("failed") < types.indexOf("connection-closed"), "the transfer ends before its connection");
});

test("a client that goes away before the head cancels its upstream request too", async (t) => {
  const { proxy, upstream } = await startPair(t, () => {});
  const socket = await openSocket(proxy.port);
  socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await upstream.until(() => upstream.requests.length === 1);
  socket.resetAndDestroy();
  await upstream.until(() => upstream.sockets.size === 0);
  assert.equal((await proxy.event("failed")).failure, "client_aborted");
  assert.equal((await proxy.event("upstream-exchanged")).outcome, "client_aborted");
});

test("a client that closes its half while it waits counts as gone", async (t) => {
  const { proxy, upstream } = await startPair(t, () => {});
  const socket = await openSocket(proxy.port);
  socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await upstream.until(() => upstream.requests.length === 1);
  socket.end();
  await upstream.until(() => upstream.sockets.size === 0);
  assert.equal((await proxy.event("failed")).failure, "client_aborted");
});

test("a client that asks again before it was answered, and closes its half, counts as gone", async (t) => {
  const { proxy, upstream } = await startPair(t, () => {}, { settings: { maxHeadBytes: 1024 * 1024 } });
  const socket = await openSocket(proxy.port);
  socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await upstream.until(() => upstream.requests.length === 1);
  // Longer than what is read at once.
  socket.end(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\nX: ${"x".repeat(200_000)}\r\n\r\n`);
  await upstream.until(() => upstream.sockets.size === 0);
  assert.equal((await proxy.event("failed")).failure, "client_aborted");
  assert.equal(upstream.requests.length, 1);
});

test("a client that goes away while the proxy connects leaves nothing behind", async (t) => {
  let resolve: (() => void) | undefined;
  const { upstream } = await startPair(t, () => {});
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(`http://registry.test:${upstream.origin.port}`)],
    listener: { registry: "registry.test" },
    lookup: (_hostname, _options, callback) => {
      resolve = () => callback(null, [{ address: "127.0.0.1", family: 4 }]);
    },
  });
  const socket = await openSocket(proxy.port);
  socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await proxy.event("started");
  socket.destroy();
  assert.equal((await proxy.event("failed")).failure, "client_aborted");
  resolve?.();
  await upstream.until(() => upstream.connections === 1 && upstream.sockets.size === 0);
  assert.equal(upstream.requests.length, 0, "the request is not sent for nobody");
});

test("a hundred aborted downloads leave no connection open", async (t) => {
  const { proxy, upstream } = await startPair(t, ({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome");
  });
  const sockets = await Promise.all(Array.from({ length: 100 }, () => openSocket(proxy.port)));
  for (const socket of sockets) socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await upstream.until(() => upstream.requests.length === 100);
  for (const socket of sockets) socket.destroy();
  await upstream.until(() => upstream.sockets.size === 0);
  const failed = proxy.events.filter((event) => event.type === "failed");
  assert.equal(failed.length, 100);
  assert.ok(failed.every(({ failure }) => failure === "client_aborted"));
});

/** Writes 512 MiB as fast as it is taken. */
function pump({ socket }: WireRequest, onBlocked: (written: number) => void): void {
  const chunk = Buffer.alloc(64 * 1024);
  const total = 512 * 1024 * 1024;
  let written = 0;
  const write = (): void => {
    while (written < total) {
      written += chunk.length;
      if (!socket.write(chunk)) break;
    }
    onBlocked(written);
  };
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
  socket.on("drain", write);
  write();
}

for (const target of [BLOB, "/v2/library/app/tags/list"]) {
  test(`a client that does not read ${target.slice(0, 30)} holds the upstream back`, async (t) => {
    let written = 0;
    let blocked: (() => void) | undefined;
    const { proxy, upstream } = await startPair(t, (request) => {
      pump(request, (bytes) => {
        written = bytes;
        blocked?.();
      });
    });
    const before = process.memoryUsage().external;
    const socket = await openSocket(proxy.port);
    socket.pause();
    socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
    await upstream.until(() => upstream.requests.length === 1);
    // Blocked for good is seen only by nothing happening: no more is taken for 200 ms.
    await new Promise<void>((resolve) => {
      let timer = setTimeout(resolve, 200);
      blocked = () => {
        clearTimeout(timer);
        timer = setTimeout(resolve, 200);
      };
    });
    // 64 MiB: twice what the kernel's buffers of four loopback sockets take at most; the rest would be the proxy's.
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken from the upstream`);
    assert.ok(process.memoryUsage().external - before < 16 * 1024 * 1024, "no buffer grows in this process");

    // It neither reads nor writes any more: it is gone, even if its own system keeps the connection.
    socket.end();
    await upstream.until(() => upstream.sockets.size === 0);
    assert.equal((await proxy.event("failed")).failure, "client_aborted");
    socket.destroy();
  });
}
