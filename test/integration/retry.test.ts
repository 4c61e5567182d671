import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { startProxy, upstreamAt, type TestProxy, type TestProxyOptions } from "../support/data-plane.ts";
import { responseBytes, startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { wireRequest, type WireResponse } from "../support/wire-client.ts";

// Failures before a client has a byte: what a moment cures is never seen; what is over is told soon.

const MANIFEST = "/v2/library/app/manifests/v1";
const BLOB = `/v2/library/app/blobs/sha256:${"d".repeat(64)}`;

type Respond = (request: WireRequest) => void;

const good: Respond = ({ method, socket }) =>
  void socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 5"], method === "HEAD" ? "" : "whole"));

const status =
  (code: number, ...headers: readonly string[]): Respond =>
  ({ socket, method }) =>
    void socket.write(
      responseBytes([`HTTP/1.1 ${code} X`, "Content-Length: 4", ...headers], method === "HEAD" ? "" : "what"),
    );

const FAULTS: Readonly<Record<string, Respond>> = {
  "a connection that is closed unanswered": ({ socket }) => void socket.destroy(),
  "a connection that is reset": ({ socket }) => void socket.resetAndDestroy(),
  "a head that is cut": ({ socket }) => void socket.end("HTTP/1.1 200 OK\r\nContent-Le"),
  "a head that cannot be read": ({ socket }) => void socket.end("SSH-2.0-dropbear\r\n"),
  "a head that does not come": () => {},
  "502": status(502),
  "503": status(503),
  "504": status(504),
};

const ONLY_WITH_BODY: Readonly<Record<string, Respond>> = {
  "a body that is cut": ({ socket }) => void socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwh"),
  "a body that stalls": ({ socket }) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwh"),
  "chunks that break off": ({ socket }) =>
    void socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nwh\r\n"),
};

/** The first request for each path gets the fault, the others what is good. */
function onlyOnce(fault: Respond): Respond {
  const seen = new Set<string>();
  return (request) => {
    const key = `${request.method} ${request.target}`;
    if (seen.has(key)) return good(request);
    seen.add(key);
    fault(request);
  };
}

async function start(t: TestContext, respond: Respond, options: Partial<TestProxyOptions> = {}) {
  const upstream = await startScriptedUpstream(respond);
  t.after(() => upstream.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(upstream.origin)],
    listener: { registry: "registry.test" },
    ...options,
    settings: { headTimeoutMs: 200, ...options.settings },
  });
  return { upstream, proxy };
}

function ask(proxy: TestProxy, target: string, method = "GET"): Promise<WireResponse> {
  return wireRequest(proxy.port, [`${method} ${target} HTTP/1.1`, "Host: h"], method);
}

for (const [what, fault] of Object.entries({ ...FAULTS, ...ONLY_WITH_BODY })) {
  test(`${what}, once, is seen by nobody who pulls`, async (t) => {
    const { proxy } = await start(t, onlyOnce(fault));
    const asked =
      what in FAULTS
        ? [
            ["GET", BLOB],
            ["HEAD", MANIFEST],
            ["HEAD", BLOB],
          ]
        : [];
    for (const [method = "", target = ""] of [["GET", "/v2/"], ["GET", MANIFEST], ...asked]) {
      const response = await ask(proxy, target, method);
      assert.equal(response.statusLine, "HTTP/1.1 200 OK", `${method} ${target}`);
      assert.equal(response.body.toString(), method === "HEAD" ? "" : "whole");
    }
  });
}

test("what a retry made good is told as such", async (t) => {
  const { proxy } = await start(t, onlyOnce(status(503)));
  await ask(proxy, MANIFEST);
  const repeated = await proxy.event("upstream-repeated");
  assert.deepEqual(
    [repeated.repeated, repeated.cause, repeated.registry],
    ["request", "upstream_5xx", "registry.test"],
  );
});

for (const code of [401, 403, 404, 429, 500]) {
  test(`a ${code} is the registry's answer, and is not asked for twice`, async (t) => {
    const { proxy, upstream } = await start(t, status(code));
    assert.match((await ask(proxy, MANIFEST)).statusLine, new RegExp(`^HTTP/1.1 ${code} `));
    assert.equal(upstream.requests.length, 1);
  });
}

test("a 503 that does not end is passed on as the registry wrote it", async (t) => {
  const { proxy, upstream } = await start(t, status(503, "X-Why: maintenance"));
  const response = await ask(proxy, MANIFEST);
  assert.equal(response.statusLine, "HTTP/1.1 503 X");
  assert.ok(response.headers.includes("maintenance"));
  assert.equal(response.body.toString(), "what");
  assert.equal(upstream.requests.length, 3);
});

test("a 503 that says to come back much later is passed on at once", async (t) => {
  const { proxy, upstream } = await start(t, status(503, "Retry-After: 30"));
  assert.equal((await ask(proxy, BLOB)).statusLine, "HTTP/1.1 503 X");
  assert.equal(upstream.requests.length, 1);
});

test("a request that was lost with its old connection goes out on a new one", async (t) => {
  const { proxy, upstream } = await start(t, (request) => {
    if (request.connection > 1) return good(request);
    if (upstream.requests.length === 1) return good(request);
    request.socket.destroy();
  });
  await ask(proxy, MANIFEST);
  assert.equal((await ask(proxy, MANIFEST)).statusLine, "HTTP/1.1 200 OK");
  assert.equal(proxy.events.filter(({ type }) => type === "upstream-repeated").length, 0);
});

for (const [way, prelude] of [
  ["of our own", ""],
  ["of undici", "HTTP/1.1 103 Early Hints\r\n\r\n"],
] as const) {
  test(`408 on a kept connection ${way} is seen by nobody`, async (t) => {
    const asked = new Map<Socket, number>();
    const { proxy, upstream } = await start(t, (request) => {
      const { socket } = request;
      const count = (asked.get(socket) ?? 0) + 1;
      asked.set(socket, count);
      if (count > 1)
        return void socket.end("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      socket.write(prelude);
      good(request);
    });
    for (const target of [BLOB, BLOB, MANIFEST, BLOB]) {
      assert.equal((await ask(proxy, target)).statusLine, "HTTP/1.1 200 OK");
    }
    assert.ok(upstream.requests.length > 4, "a connection was used again");
  });
}

test("a registry whose answer is 408 is asked twice, and its answer told", async (t) => {
  const { proxy, upstream } = await start(t, status(408));
  assert.match((await ask(proxy, BLOB)).statusLine, /^HTTP\/1.1 408 /);
  assert.ok(upstream.requests.length <= 2);
});

test("a manifest that trickles longer than the time for an answer comes all the same", async (t) => {
  const { proxy } = await start(
    t,
    ({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwho");
      setTimeout(() => socket.write("le"), 300);
    },
    { settings: { headTimeoutMs: 1_000, answerTimeoutMs: 100 } },
  );
  assert.equal((await ask(proxy, MANIFEST)).body.toString(), "whole");
});

test("a manifest larger than registries must accept streams as it comes", async (t) => {
  const large = Buffer.alloc(5 * 1024 * 1024, "large");
  const { proxy } = await start(t, ({ socket }) => {
    socket.write(responseBytes(["HTTP/1.1 200 OK", `Content-Length: ${large.length}`], large));
  });
  assert.ok((await ask(proxy, MANIFEST)).body.equals(large));
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("a registry that is down is not asked any more before the manifest, until it is found again", async (t) => {
  const port = await freePort();
  let nowMs = 1_000_000;
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(`http://127.0.0.1:${port}`)],
    listener: { registry: "registry.test" },
    now: () => nowMs,
  });
  for (let i = 0; i < 2; i += 1) assert.match((await ask(proxy, MANIFEST)).statusLine, / 502 /);
  assert.equal((await proxy.event("circuit-changed")).state, "open");
  const attempts = (): number => proxy.events.filter(({ type }) => type === "upstream-exchanged").length;
  const before = attempts();
  const refused = await ask(proxy, MANIFEST);
  assert.match(refused.statusLine, / 502 /);
  assert.match(refused.body.toString(), /not asked, because the last 5 connections failed/);
  assert.equal(attempts(), before);
  // A blob's client may have nowhere else to go: it is asked for, whatever the circuit says.
  assert.match((await ask(proxy, BLOB)).statusLine, / 502 /);
  assert.ok(attempts() > before);

  const upstream = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 5"], "whole")));
  });
  upstream.listen(port, "127.0.0.1");
  await once(upstream, "listening");
  t.after(() => upstream.close());
  nowMs += 60_000;
  assert.equal((await ask(proxy, MANIFEST)).body.toString(), "whole");
  assert.equal((await proxy.event("circuit-changed", ({ state }) => state === "closed")).registry, "registry.test");
});

test("before the manifest nobody waits for more than one connection that does not come about", async (t) => {
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt("https://slow.test", { registry: "slow.test" })],
    listener: { registry: "slow.test" },
    lookup: () => {},
    settings: { connectTimeoutMs: 300 },
  });
  assert.match((await ask(proxy, MANIFEST)).statusLine, / 502 /);
  assert.equal(proxy.events.filter(({ type }) => type === "upstream-exchanged").length, 1);
});

test("a handshake that does not come in time is tried again for a blob, whose client would give up for good", async (t) => {
  const upstream = await startScriptedUpstream(good, { tls: TEST_TLS });
  t.after(() => upstream.close());
  let connections = 0;
  const sockets = new Set<Socket>();
  // Accepts the first connection and says nothing, as a busy host does.
  const front = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    connections += 1;
    if (connections === 1) return;
    const back = connect(Number(upstream.origin.port), "127.0.0.1").on("error", () => {});
    sockets.add(back);
    socket.pipe(back).pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(front, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    front.close();
  });
  const { port } = front.address() as AddressInfo;
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(`https://127.0.0.1:${port}`, { ca: TEST_TLS.ca })],
    listener: { registry: "registry.test" },
    settings: { tlsTimeoutMs: 200 },
  });
  assert.equal((await ask(proxy, BLOB)).body.toString(), "whole");
  assert.equal(connections, 2);
});

const CONTENT = JSON.stringify({ schemaVersion: 2, layers: [] });
const byDigest = (algorithm: string): string =>
  `/v2/library/app/manifests/${algorithm}:${createHash(algorithm).update(CONTENT).digest("hex")}`;
const BY_DIGEST = byDigest("sha256");

const serve =
  (content: string, ...headers: readonly string[]): Respond =>
  ({ socket }) =>
    void socket.write(responseBytes(["HTTP/1.1 200 OK", `Content-Length: ${content.length}`, ...headers], content));

for (const algorithm of ["sha256", "sha512"]) {
  test(`a manifest that is not what its ${algorithm} says is asked for again`, async (t) => {
    let asked = 0;
    const { proxy } = await start(t, (request) =>
      serve((asked += 1) === 1 ? CONTENT.replace("2", "3") : CONTENT)(request),
    );
    assert.equal((await ask(proxy, byDigest(algorithm))).body.toString(), CONTENT);
    assert.equal((await proxy.event("upstream-repeated")).cause, "digest_mismatch");
  });
}

test("a manifest that never is what its digest says is a 502, so that its client asks the registry itself", async (t) => {
  const { proxy, upstream } = await start(t, serve(CONTENT.replace("2", "3")));
  assert.match((await ask(proxy, BY_DIGEST)).statusLine, / 502 /);
  assert.equal((await proxy.event("responded")).failure, "digest_mismatch");
  assert.equal(upstream.requests.length, 3);
});

test("a signed manifest has a digest that is not that of its bytes", async (t) => {
  const signed = "Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws";
  const { proxy, upstream } = await start(t, serve("signed", signed));
  assert.equal((await ask(proxy, BY_DIGEST)).body.toString(), "signed");
  assert.equal(upstream.requests.length, 1);
});
