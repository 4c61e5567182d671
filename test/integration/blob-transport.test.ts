import assert from "node:assert/strict";
import type { LookupFunction } from "node:net";
import { test, type TestContext } from "node:test";
import { TLSSocket } from "node:tls";
import { createConnector } from "../../src/upstream/connect.ts";
import { isLostConnection } from "../../src/upstream/lost-connection.ts";
import { TlsTrust } from "../../src/upstream/tls-trust.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import {
  responseBytes,
  startScriptedUpstream,
  type ScriptedUpstream,
  type ScriptedUpstreamOptions,
  type WireRequest,
} from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { fetchFrom, readBody, requestTo, startTransport } from "../support/transport.ts";

async function start(
  t: TestContext,
  respond: (request: WireRequest) => void,
  options?: ScriptedUpstreamOptions,
): Promise<ScriptedUpstream> {
  const upstream = await startScriptedUpstream(respond, options);
  t.after(() => upstream.close());
  return upstream;
}

function answerOk({ socket }: WireRequest): void {
  socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok"));
}

test("a request goes out as it was given", async (t) => {
  const upstream = await start(t, answerOk);
  const headers = ["Host", "registry.test", "user-AGENT", "x", "Accept", "a", "Accept", "b, c", "X-Empty", ""];
  const response = await fetchFrom(startTransport(t), upstream.origin, { path: "/v2/a?ns=b%2F", headers });
  assert.deepEqual([response.status, response.statusText, response.host], [200, "OK", upstream.host]);
  const [request] = upstream.requests;
  assert.deepEqual([request?.method, request?.target], ["GET", "/v2/a?ns=b%2F"]);
  assert.deepEqual(request?.headers, [...headers, "Connection", "keep-alive"]);
});

for (const request of [
  { path: "/a b" },
  { path: "/a\r\nX: y" },
  { path: "http://elsewhere/" },
  { headers: ["X", "a\r\nY: b"] },
  { headers: ["X", "\u0101"] },
]) {
  test(`a request that could be read as another is not written: ${JSON.stringify(request)}`, async (t) => {
    const upstream = await start(t, answerOk);
    assert.equal(await startTransport(t).ask(requestTo(upstream.origin, request)), undefined);
    assert.equal(upstream.connections, 0);
  });
}

test("requests one after the other share a connection, those at once have one each", async (t) => {
  const upstream = await start(t, answerOk, { tls: TEST_TLS });
  const transport = startTransport(t);
  const ask = async () => readBody(await fetchFrom(transport, upstream.origin));
  for (let i = 0; i < 5; i += 1) assert.equal(await ask(), "ok");
  assert.equal(upstream.connections, 1);
  await Promise.all([ask(), ask(), ask()]);
  assert.equal(upstream.connections, 3);
});

for (const tls of [undefined, TEST_TLS]) {
  test(`an address that refuses is followed by the next, ${tls ? "over TLS" : "in plaintext"}`, async (t) => {
    const upstream = await start(t, answerOk, tls && { tls });
    const addresses = ["127.0.0.2", "127.0.0.1"].map((address) => ({ address, family: 4 }));
    const lookup: LookupFunction = (_hostname, _options, callback) => callback(null, addresses);
    const times = { connectTimeoutMs: 5_000, tlsTimeoutMs: 5_000 };
    const transport = startTransport(t, { connect: createConnector({ ...times, lookup, trust: new TlsTrust() }) });
    const origin = new URL(`${upstream.origin.protocol}//registry.test:${upstream.origin.port}`);
    assert.equal(await readBody(await fetchFrom(transport, origin)), "ok");
  });
}

test("connections are not shared between rules", async (t) => {
  const upstream = await start(t, answerOk);
  const transport = startTransport(t);
  await readBody(await fetchFrom(transport, upstream.origin));
  const dial = { origin: upstream.origin, allowPrivate: false };
  await assert.rejects(transport.ask(requestTo(upstream.origin, { dial })), { failure: "refused" });
  assert.equal(upstream.requests.length, 1);
});

test("a new connection resumes the TLS session of the last", async (t) => {
  const resumed: boolean[] = [];
  const upstream = await start(
    t,
    ({ socket }) => {
      if (socket instanceof TLSSocket) resumed.push(socket.isSessionReused());
      socket.end(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close"], "ok"));
    },
    { tls: TEST_TLS },
  );
  const transport = startTransport(t);
  for (let i = 0; i < 3; i += 1) {
    await readBody(await fetchFrom(transport, upstream.origin));
    await upstream.until(() => upstream.sockets.size === 0);
  }
  assert.deepEqual(resumed, [false, true, true]);
});

for (const lines of [["Connection: close"], ["Keep-Alive: timeout=1"]]) {
  test(`a connection is not kept after ${lines.join(", ")}`, async (t) => {
    const upstream = await start(t, ({ socket }) => {
      socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2", ...lines], "ok"));
    });
    const transport = startTransport(t);
    for (let i = 0; i < 2; i += 1) {
      await readBody(await fetchFrom(transport, upstream.origin));
      await upstream.until(() => upstream.sockets.size === 0);
    }
    assert.equal(upstream.connections, 2);
  });
}

test("a kept connection is closed before its server would close it", async (t) => {
  const upstream = await start(t, ({ socket }) => {
    socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2", "Keep-Alive: timeout=2"], "ok"));
  });
  const transport = startTransport(t);
  const startMs = performance.now();
  for (let i = 0; i < 2; i += 1) await readBody(await fetchFrom(transport, upstream.origin));
  assert.deepEqual([upstream.connections, transport.idleConnections], [1, 1]);
  await upstream.until(() => upstream.sockets.size === 0);
  assert.ok(performance.now() - startMs < 2_000);
});

test("a kept connection on which the upstream ends or speaks unasked is closed", async (t) => {
  const upstream = await start(t, answerOk);
  const transport = startTransport(t);
  for (const stir of [
    (socket: WireRequest["socket"]) => socket.end(),
    (socket: WireRequest["socket"]) => socket.write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
  ]) {
    await readBody(await fetchFrom(transport, upstream.origin));
    for (const socket of upstream.sockets) stir(socket);
    await upstream.until(() => upstream.sockets.size === 0);
    assert.equal(transport.idleConnections, 0);
  }
});

test("a connection that was lost with the request on its way can be told from every other failure", async (t) => {
  const upstream = await start(t, (request) => {
    if (upstream.requests.length === 1) answerOk(request);
    else request.socket.destroy();
  });
  const transport = startTransport(t);
  await readBody(await fetchFrom(transport, upstream.origin));
  await assert.rejects(fetchFrom(transport, upstream.origin), (error) => {
    assert.ok(error instanceof UpstreamError && isLostConnection(error));
    return true;
  });
});

test("408 on a connection that was kept is that connection's end; on a new one it is the answer", async (t) => {
  const upstream = await start(t, (request) => {
    if (upstream.requests.length === 1) answerOk(request);
    else request.socket.write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  const transport = startTransport(t);
  await readBody(await fetchFrom(transport, upstream.origin));
  await assert.rejects(fetchFrom(transport, upstream.origin), (error) => {
    assert.ok(error instanceof UpstreamError && isLostConnection(error));
    return true;
  });
  assert.equal((await fetchFrom(transport, upstream.origin))?.status, 408);
});

test("what a kept connection brings before the request is sent is not its response", async (t) => {
  const upstream = await start(t, (request) => {
    if (request.target !== "/silent") answerOk(request);
  });
  const transport = startTransport(t);
  // While this one is under way others are sent at the end of their turn of the event loop.
  const controller = new AbortController();
  const silent = fetchFrom(transport, upstream.origin, { path: "/silent", signal: controller.signal });
  await readBody(await fetchFrom(transport, upstream.origin));
  const kept = upstream.requests.find(({ target }) => target !== "/silent");
  kept?.socket.write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  await assert.rejects(fetchFrom(transport, upstream.origin), (error) => {
    assert.ok(error instanceof UpstreamError && isLostConnection(error));
    return true;
  });
  assert.equal(upstream.requests.length, 2);
  controller.abort(new UpstreamError("client_aborted", "gone"));
  await assert.rejects(silent, { failure: "client_aborted" });
});

const odd = {
  "an older version": "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "an interim response": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "a body that ends with the connection": "HTTP/1.1 200 OK\r\n\r\nok",
  "lines that end with LF": "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
  "a head without end": `HTTP/1.1 200 OK\r\nX: ${"a".repeat(70_000)}`,
  "no HTTP at all": "SSH-2.0-OpenSSH_9.9\r\n",
};
for (const [name, answer] of Object.entries(odd)) {
  test(`an odd answer is given back, and its origin is left alone for a while: ${name}`, async (t) => {
    const upstream = await start(t, ({ socket }) => socket.write(answer));
    const transport = startTransport(t);
    assert.equal(await transport.ask(requestTo(upstream.origin)), undefined);
    await upstream.until(() => upstream.sockets.size === 0);
    assert.equal(await transport.ask(requestTo(upstream.origin)), undefined);
    assert.equal(upstream.requests.length, 1);
  });
}

test("no answer in time, and nobody there", async (t) => {
  const upstream = await start(t, () => {});
  const transport = startTransport(t);
  const silent = fetchFrom(transport, upstream.origin, { headTimeoutMs: 50 });
  await assert.rejects(silent, { failure: "header_timeout" });
  await upstream.until(() => upstream.sockets.size === 0);
  await upstream.close();
  await assert.rejects(fetchFrom(transport, upstream.origin), { failure: "connect" });
});

test("silence in the middle of a body is a stall only while somebody waits", async (t) => {
  const half = responseBytes(["HTTP/1.1 200 OK", "Content-Length: 10"], "12345");
  const upstream = await start(t, ({ socket }) => socket.write(half));
  const transport = startTransport(t, { stallTimeoutMs: 50 });
  const { body } = await fetchFrom(transport, upstream.origin);
  let resumedAtMs = 0;
  const delivered = body.deliver(() => {
    // Three times what would be a stall.
    setTimeout(() => {
      resumedAtMs = performance.now();
      body.resume();
    }, 150);
    return false;
  });
  await assert.rejects(delivered, { failure: "stalled" });
  assert.ok(resumedAtMs > 0 && performance.now() - resumedAtMs >= 45);
  await upstream.until(() => upstream.sockets.size === 0);
});

const aborts = {
  "before the head": () => {},
  "in the middle of the body": ({ socket }: WireRequest) =>
    void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"),
};
for (const [when, respond] of Object.entries(aborts)) {
  test(`an abort ${when} closes the connection and gives its memory back`, async (t) => {
    const upstream = await start(t, respond, { tls: TEST_TLS });
    const transport = startTransport(t);
    const controller = new AbortController();
    const abort = (): void => controller.abort(new UpstreamError("client_aborted", "gone"));
    const fetched = fetchFrom(transport, upstream.origin, { signal: controller.signal });
    fetched.catch(() => {});
    await upstream.until(() => upstream.requests.length === 1);
    if (when === "before the head") {
      abort();
      await assert.rejects(fetched, { failure: "client_aborted" });
    } else {
      const { body } = await fetched;
      const delivered = body.deliver(() => {
        abort();
        return false;
      });
      await assert.rejects(delivered, { failure: "client_aborted" });
    }
    await upstream.until(() => upstream.sockets.size === 0);
    assert.deepEqual([transport.leasedBytes, transport.idleConnections], [0, 0]);
  });
}

test("a request that was aborted before it began connects nowhere", async (t) => {
  const upstream = await start(t, answerOk);
  const signal = AbortSignal.abort(new UpstreamError("client_aborted", "gone"));
  await assert.rejects(fetchFrom(startTransport(t), upstream.origin, { signal }), { failure: "client_aborted" });
  assert.equal(upstream.connections, 0);
});

test("a short rest that nobody wants is read and the connection kept; a long one is cut", async (t) => {
  const upstream = await start(t, ({ socket, target }) => {
    const body = Buffer.alloc(Number(target.slice(1)));
    socket.write(responseBytes(["HTTP/1.1 307 x", `Content-Length: ${body.length}`]));
    setImmediate(() => socket.write(body));
  });
  const transport = startTransport(t);
  for (const path of ["/100", "/60000"]) {
    (await fetchFrom(transport, upstream.origin, { path })).body.discard();
    while (transport.idleConnections === 0) await new Promise(setImmediate);
  }
  assert.equal(upstream.connections, 1);
  (await fetchFrom(transport, upstream.origin, { path: "/70000" })).body.discard();
  await upstream.until(() => upstream.sockets.size === 0);
  assert.equal(transport.leasedBytes, 0);
});

test("idle connections hold no memory, and are bounded for each origin", async (t) => {
  const waiting: WireRequest[] = [];
  const upstream = await start(t, (request) => {
    waiting.push(request);
    if (waiting.length === 70) for (const each of waiting) answerOk(each);
  });
  const transport = startTransport(t);
  const all = Array.from({ length: 70 }, async () => readBody(await fetchFrom(transport, upstream.origin)));
  await Promise.all(all);
  await upstream.until(() => upstream.sockets.size === 64);
  assert.deepEqual([transport.idleConnections, transport.openConnections, transport.leasedBytes], [64, 64, 0]);
});

test("closing ends what is under way", async (t) => {
  const upstream = await start(t, ({ socket, target }) => {
    if (target === "/half") socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
  });
  const transport = startTransport(t);
  const { body } = await fetchFrom(transport, upstream.origin, { path: "/half" });
  const delivered = body.deliver(() => true);
  const silent = fetchFrom(transport, upstream.origin, { path: "/silent" });
  const both = Promise.allSettled([delivered, silent]);
  await upstream.until(() => upstream.requests.length === 2);
  await transport.close();
  assert.deepEqual(
    (await both).map(({ status }) => status),
    ["rejected", "rejected"],
  );
  await assert.rejects(fetchFrom(transport, upstream.origin), { failure: "proxy" });
});
