import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from "node:http";
import { test, type TestContext } from "node:test";
import type { Listener } from "../../src/proxy/listener.ts";
import { startProxy, upstreamAt, type TestProxy, type TestProxyOptions } from "../support/data-plane.ts";
import { responseBytes, startScriptedUpstream } from "../support/scripted-upstream.ts";
import { openSocket, valueOf, wireRequest } from "../support/wire-client.ts";

const TAGS = "/v2/library/app/tags/list";
const PUSH: Partial<Listener> = { registry: "registry.test", allowPush: true };

interface HttpUpstream {
  readonly server: Server;
  readonly origin: string;
  readonly openConnections: () => Promise<number>;
}

async function startHttpUpstream(t: TestContext, listener: RequestListener): Promise<HttpUpstream> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const openConnections = (): Promise<number> =>
    new Promise((resolve) => {
      server.getConnections((_error, count) => resolve(count));
    });
  return { server, origin, openConnections };
}

function startFor(t: TestContext, origin: string, options: Partial<TestProxyOptions> = {}): Promise<TestProxy> {
  return startProxy(t, { upstreams: [upstreamAt(origin)], listener: PUSH, ...options });
}

test("listings keep header case and duplicates in the response, and the path's bytes in the request", async (t) => {
  const upstream = await startScriptedUpstream(({ socket }) => {
    const head = ["HTTP/1.1 200 Fine", "LINK: </v2/x?n=1>; rel=next", "X-A: 1", "x-a: 2", "Content-Length: 2"];
    socket.write(responseBytes(head, "{}"));
  });
  t.after(() => upstream.close());
  const proxy = await startFor(t, upstream.origin.origin);
  const send = [
    "Accept: a/b",
    "accept: c/d",
    "X-MiXeD: 1",
    "Authorization: Bearer canary",
    "Trailer: X-Not-There",
    "TE: trailers",
  ];
  const response = await wireRequest(proxy.port, [
    `GET ${TAGS}?n=1&last=a%2Fb%20c&ns=registry.test&d=+ HTTP/1.1`,
    "Host: h",
    ...send,
  ]);
  assert.equal(response.statusLine, "HTTP/1.1 200 Fine");
  assert.deepEqual(response.headers.slice(0, 8), [
    "LINK",
    "</v2/x?n=1>; rel=next",
    "X-A",
    "1",
    "x-a",
    "2",
    "Content-Length",
    "2",
  ]);
  const [asked] = upstream.requests;
  assert.equal(asked?.target, `${TAGS}?n=1&last=a%2Fb%20c&d=+`);
  assert.equal(valueOf(asked?.headers ?? [], "host"), upstream.host);
  assert.equal(valueOf(asked?.headers ?? [], "authorization"), "Bearer canary");
  assert.equal(valueOf(asked?.headers ?? [], "trailer"), undefined);
  assert.deepEqual(
    asked?.headers.filter((_, i, all) => /^(?:accept|x-mixed)$/i.test(all[i - (i % 2)] ?? "")),
    ["Accept", "a/b", "Accept", "c/d", "X-MiXeD", "1"],
  );
  assert.deepEqual((await proxy.event("started")).route, { kind: "tags", repository: "library/app" });
  assert.equal((await proxy.event("finished")).bytes, 2);
  assert.equal((await proxy.event("upstream-exchanged")).outcome, 200);
});

test("listings keep their upstream connection", async (t) => {
  let connections = 0;
  const { server, origin } = await startHttpUpstream(t, (_request, response) => response.end("{}"));
  server.on("connection", () => {
    connections += 1;
  });
  const proxy = await startFor(t, origin);
  for (const path of [TAGS, "/v2/_catalog", `/v2/a/referrers/sha256:${"a".repeat(64)}`, TAGS]) {
    const response = await fetch(`${proxy.url}${path}`);
    assert.equal(await response.text(), "{}");
  }
  assert.equal(connections, 1);
});

test("a Trailer header crashes nothing", async (t) => {
  const { origin } = await startHttpUpstream(t, (request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(201, { Trailer: "X-T" }).end("made"));
  });
  const proxy = await startFor(t, origin);
  const socket = await openSocket(proxy.port);
  socket.write("PUT /v2/a/manifests/x HTTP/1.1\r\nHost: h\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n");
  socket.write("4\r\nbody\r\n0\r\nX-T: 1\r\n\r\n");
  await proxy.event("finished");
  const again = await fetch(`${proxy.url}${TAGS}`);
  assert.equal(again.status, 201);
  socket.destroy();
});

const LARGE = Buffer.alloc(3 * 1024 * 1024 + 1, "upload");

for (const framing of ["Content-Length", "chunks"]) {
  test(`an upload with ${framing} streams through whole`, async (t) => {
    const hash = createHash("sha256");
    const seen: IncomingMessage[] = [];
    const { origin } = await startHttpUpstream(t, (request, response) => {
      seen.push(request);
      request.on("data", (chunk: Buffer) => hash.update(chunk));
      request.on("end", () => response.writeHead(201, { "Docker-Content-Digest": "x" }).end());
    });
    const proxy = await startFor(t, origin);
    const headers = framing === "chunks" ? { "Transfer-Encoding": "chunked" } : { "Content-Length": LARGE.length };
    const outgoing = httpRequest(`${proxy.url}/v2/a/blobs/uploads/1?digest=sha256%3Ax`, { method: "PUT", headers });
    const answered = once(outgoing, "response");
    outgoing.end(LARGE);
    const [response] = (await answered) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 201);
    assert.equal(hash.digest("hex"), createHash("sha256").update(LARGE).digest("hex"));
    assert.equal(seen[0]?.url, "/v2/a/blobs/uploads/1?digest=sha256%3Ax");
    assert.equal(seen[0]?.headers["content-length"], framing === "chunks" ? undefined : String(LARGE.length));
  });
}

test("an upload is sent on before it is whole", async (t) => {
  const first = Promise.withResolvers<string>();
  const { origin } = await startHttpUpstream(t, (request, response) => {
    request.once("data", (chunk: Buffer) => first.resolve(chunk.toString()));
    request.on("end", () => response.writeHead(202).end());
  });
  const proxy = await startFor(t, origin);
  const outgoing = httpRequest(`${proxy.url}/v2/a/blobs/uploads/1`, { method: "PATCH" });
  const answered = once(outgoing, "response");
  outgoing.write("first");
  assert.equal(await first.promise, "first");
  outgoing.end("rest");
  const [response] = (await answered) as [IncomingMessage];
  assert.equal(response.statusCode, 202);
  response.resume();
});

test("an upload that waits for 100 Continue gets it", async (t) => {
  const { origin } = await startHttpUpstream(t, (request, response) => {
    request.resume().on("end", () => response.writeHead(201).end());
  });
  const proxy = await startFor(t, origin);
  const outgoing = httpRequest(`${proxy.url}/v2/a/manifests/x`, { method: "PUT", headers: { Expect: "100-continue" } });
  const answered = once(outgoing, "response");
  outgoing.flushHeaders();
  await once(outgoing, "continue");
  outgoing.end("{}");
  const [response] = (await answered) as [IncomingMessage];
  assert.equal(response.statusCode, 201);
  response.resume();
});

test("a DELETE without a body is forwarded, one with a body is refused", async (t) => {
  const seen: string[] = [];
  const { origin } = await startHttpUpstream(t, (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.writeHead(202).end();
  });
  const proxy = await startFor(t, origin);
  const target = `/v2/a/manifests/sha256:${"a".repeat(64)}`;
  assert.equal((await fetch(`${proxy.url}${target}`, { method: "DELETE" })).status, 202);
  assert.equal((await fetch(`${proxy.url}${target}`, { method: "DELETE", body: "x" })).status, 400);
  assert.deepEqual(seen, [`DELETE ${target}`]);
});

const LOCATIONS = [
  { named: "the listener", target: "/v2/a/blobs/uploads/", listener: PUSH, expected: "/v2/a/blobs/uploads/1?_state=x" },
  {
    named: "ns",
    target: "/v2/a/blobs/uploads/?ns=registry.test",
    listener: { allowPush: true },
    expected: "/v2/a/blobs/uploads/1?_state=x&ns=registry.test",
  },
  {
    named: "a path prefix",
    target: "/v2/registry.test/a/blobs/uploads/",
    listener: { allowPush: true },
    expected: "/v2/registry.test/a/blobs/uploads/1?_state=x",
  },
];

for (const { named, target, listener, expected } of LOCATIONS) {
  test(`where an upload goes on leads through the proxy again, with the registry named by ${named}`, async (t) => {
    for (const base of ["absolute", "relative"]) {
      const upstream = await startHttpUpstream(t, (_request, response) => {
        const prefix = base === "absolute" ? upstream.origin : "";
        response.writeHead(202, { Location: `${prefix}/v2/a/blobs/uploads/1?_state=x` }).end();
      });
      const proxy = await startFor(t, upstream.origin, { listener });
      const response = await fetch(`${proxy.url}${target}`, { method: "POST" });
      assert.equal(response.status, 202);
      assert.equal(response.headers.get("location"), expected);
    }
  });
}

test("a Location elsewhere is left as it is", async (t) => {
  const { origin } = await startHttpUpstream(t, (_request, response) => {
    response.writeHead(202, { Location: "https://elsewhere.test/upload?Sig=1" }).end();
  });
  const proxy = await startFor(t, origin);
  const response = await fetch(`${proxy.url}/v2/a/blobs/uploads/`, { method: "POST" });
  assert.equal(response.headers.get("location"), "https://elsewhere.test/upload?Sig=1");
});

test("a hundred clients that go away leave no connection to the upstream open", async (t) => {
  let asked = 0;
  let gone = 0;
  let changed: (() => void) | undefined;
  const upstream = await startHttpUpstream(t, (request, response) => {
    asked += 1;
    response.writeHead(200);
    response.write("some");
    request.socket.once("close", () => {
      gone += 1;
      changed?.();
    });
    changed?.();
  });
  const until = (isTrue: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      changed = () => isTrue() && resolve();
      changed();
    });
  const proxy = await startFor(t, upstream.origin);
  const sockets = await Promise.all(Array.from({ length: 100 }, () => openSocket(proxy.port)));
  for (const [i, socket] of sockets.entries()) {
    socket.write(`GET ${TAGS}?${i} HTTP/1.1\r\nHost: h\r\n\r\n`);
  }
  await until(() => asked === 100);
  for (const socket of sockets) socket.destroy();
  await until(() => gone === 100);
  assert.equal(await upstream.openConnections(), 0);
  const failed = proxy.events.filter((event) => event.type === "failed");
  assert.deepEqual(new Set(failed.map(({ failure }) => failure)), new Set(["client_aborted"]));
  assert.equal(failed.length, 100);
});

test("a client that breaks off its upload breaks it off at the upstream", async (t) => {
  const aborted = Promise.withResolvers<void>();
  const { origin } = await startHttpUpstream(t, (request) => {
    request.on("error", () => aborted.resolve());
    request.resume();
  });
  const proxy = await startFor(t, origin);
  const socket = await openSocket(proxy.port);
  socket.write("PATCH /v2/a/blobs/uploads/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nsome");
  await proxy.event("started");
  socket.resetAndDestroy();
  await aborted.promise;
  assert.equal((await proxy.event("failed")).failure, "client_aborted");
});

test("an upstream that is down, silent or cuts a listing is told as for a pull", async (t) => {
  const upstream = await startScriptedUpstream(({ socket, target }) => {
    if (target.endsWith("?cut")) socket.end(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 100"], "short"));
    if (target.endsWith("?end")) socket.end();
    if (target.endsWith("?stall")) socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 100"], "short"));
  });
  t.after(() => upstream.close());
  const settings = { headTimeoutMs: 100, stallTimeoutMs: 100 };
  const proxy = await startFor(t, upstream.origin.origin, { settings });
  const ask = async (query: string): Promise<unknown> => {
    const { statusLine, complete } = await wireRequest(proxy.port, [`GET ${TAGS}?${query} HTTP/1.1`, "Host: h"]);
    return [statusLine.split(" ")[1], complete];
  };
  assert.deepEqual(await ask("silent"), ["504", true]);
  assert.deepEqual(await ask("end"), ["502", true]);
  assert.deepEqual(await ask("cut"), ["200", false]);
  assert.deepEqual(await ask("stall"), ["200", false]);
  await upstream.until(() => upstream.sockets.size === 0);
  await upstream.close();
  assert.deepEqual(await ask("down"), ["502", true]);
  const failures = proxy.events.flatMap((event) =>
    event.type === "failed" || event.type === "responded" ? [event.failure] : [],
  );
  assert.deepEqual(failures, ["header_timeout", "truncated", undefined, "truncated", undefined, "stalled", "connect"]);
});

test("an upstream that switches protocols unasked is told at once, not when the time is over", async (t) => {
  const upstream = await startScriptedUpstream(({ socket }) => {
    socket.write(responseBytes(["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: x"]));
  });
  t.after(() => upstream.close());
  const proxy = await startFor(t, upstream.origin.origin, { settings: { headTimeoutMs: 600_000 } });
  const response = await wireRequest(proxy.port, [`GET ${TAGS} HTTP/1.1`, "Host: h"]);
  assert.equal(response.statusLine, "HTTP/1.1 502 Bad Gateway");
  assert.equal((await proxy.event("upstream-exchanged")).outcome, "truncated");
});

test("what is no pull passes the same guard", async (t) => {
  const { origin } = await startHttpUpstream(t, (_request, response) => response.end());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(origin, { allowPrivateAddresses: false })],
    listener: PUSH,
  });
  const response = await fetch(`${proxy.url}${TAGS}`);
  assert.equal(response.status, 403);
  assert.equal((await proxy.event("refused")).reason, "address");
});
