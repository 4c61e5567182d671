import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
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

interface Pair {
  readonly upstream: ScriptedUpstream;
  readonly proxy: TestProxy;
}

async function startPair(
  t: TestContext,
  respond: (request: WireRequest) => void = ok,
  options: Partial<TestProxyOptions> = {},
): Promise<Pair> {
  const upstream = await startScriptedUpstream(respond);
  t.after(() => upstream.close());
  return { upstream, proxy: await startProxy(t, { upstreams: [upstreamAt(upstream.origin)], ...options }) };
}

function ok({ socket, method }: WireRequest): void {
  socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], method === "HEAD" ? "" : "ok"));
}

/** What the upstream saw, and which registry the event names. */
async function ask({ proxy, upstream }: Pair, target: string, ...headers: string[]): Promise<unknown> {
  const { statusLine } = await wireRequest(proxy.port, [`GET ${target} HTTP/1.1`, "Host: h", ...headers]);
  assert.equal(statusLine, "HTTP/1.1 200 OK", target);
  const seen = upstream.requests.at(-1);
  assert.doesNotMatch(JSON.stringify(seen?.headers).toLowerCase(), /oci-namespace/);
  const started = proxy.events.findLast((event) => event.type === "started");
  return [seen?.target, started?.type === "started" && started.registry];
}

test("the registry is named by ns, by OCI-Namespace, by the listener or by a path prefix, and the name goes no further", async (t) => {
  const shared = await startPair(t);
  const own = await startPair(t, ok, { listener: { registry: "registry.test" } });
  assert.deepEqual(await ask(shared, `${MANIFEST}?ns=registry.test`), [MANIFEST, "registry.test"]);
  assert.deepEqual(await ask(shared, `${MANIFEST}?a=1&ns=REGISTRY.test.&b=%20`), [
    `${MANIFEST}?a=1&b=%20`,
    "registry.test",
  ]);
  assert.deepEqual(await ask(shared, MANIFEST, "OCI-namespace: registry.test"), [MANIFEST, "registry.test"]);
  assert.deepEqual(await ask(shared, "/v2/registry.test/library/app/manifests/latest?a=b"), [
    `${MANIFEST}?a=b`,
    "registry.test",
  ]);
  assert.deepEqual(await ask(own, MANIFEST), [MANIFEST, "registry.test"]);
  assert.deepEqual(await ask(own, `${MANIFEST}?ns=registry.test`), [MANIFEST, "registry.test"]);
});

test("a registry with a port is named with its colon encoded or not", async (t) => {
  const upstream = await startScriptedUpstream(ok);
  t.after(() => upstream.close());
  const proxy = await startProxy(t, { upstreams: [upstreamAt(upstream.origin, { registry: "localhost:5000" })] });
  for (const target of [
    `${MANIFEST}?ns=localhost:5000`,
    `${MANIFEST}?ns=localhost%3A5000`,
    "/v2/localhost%3a5000/library/app/manifests/latest",
  ]) {
    const { statusLine } = await wireRequest(proxy.port, [`GET ${target} HTTP/1.1`, "Host: h"]);
    assert.equal(statusLine, "HTTP/1.1 200 OK", target);
  }
  assert.deepEqual(new Set(upstream.requests.map(({ target }) => target)), new Set([MANIFEST]));
});

test("a client at the wrong listener gets the registry that it names", async (t) => {
  const other = await startScriptedUpstream(({ socket }) => {
    socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 5"], "other"));
  });
  t.after(() => other.close());
  const { proxy } = await startPair(t, ok, {
    upstreams: [upstreamAt(other.origin, { registry: "other.test" })],
    listener: { registry: "registry.test" },
  });
  const { body } = await wireRequest(proxy.port, [`GET ${MANIFEST}?ns=other.test HTTP/1.1`, "Host: h"]);
  assert.equal(body.toString(), "other");
});

test("a shared listener answers a ping that names no registry itself", async (t) => {
  const { proxy, upstream } = await startPair(t);
  const response = await wireRequest(proxy.port, ["GET /v2/ HTTP/1.1", "Host: h"]);
  assert.equal(response.statusLine, "HTTP/1.1 200 OK");
  assert.equal(valueOf(response.headers, "docker-distribution-api-version"), "registry/2.0");
  assert.equal(upstream.connections, 0);
  assert.equal((await proxy.event("finished")).bytes, 2);
});

test("labels come from request headers, which go no further, else from the listener", async (t) => {
  const { proxy, upstream } = await startPair(t, ok, {
    listener: { registry: "registry.test", isolation: "podman", trigger: "execution" },
  });
  const labels = async (...headers: string[]): Promise<unknown> => {
    const transfers = proxy.events.filter(({ type }) => type === "started").length;
    await wireRequest(proxy.port, [`GET ${MANIFEST} HTTP/1.1`, "Host: h", ...headers]);
    const started = proxy.events.filter((event) => event.type === "started")[transfers];
    assert.doesNotMatch(JSON.stringify(upstream.requests.at(-1)?.headers), /pullmeter/i);
    return [started?.isolation, started?.trigger];
  };
  assert.deepEqual(await labels(), ["podman", "execution"]);
  assert.deepEqual(await labels("X-Pullmeter-Isolation: firecracker", "x-pullmeter-TRIGGER: warmup"), [
    "firecracker",
    "warmup",
  ]);
  assert.deepEqual(await labels("X-Pullmeter-Isolation: a b", "X-Pullmeter-Trigger: other"), ["podman", "execution"]);
});

test("`started` tells what the head says, and nothing secret", async (t) => {
  const { proxy } = await startPair(t, ok, { listener: { registry: "registry.test" } });
  await wireRequest(proxy.port, [
    `GET /v2/library/app/blobs/${DIGEST} HTTP/1.1`,
    "Host: h",
    "User-Agent: containers/5.36",
    "Accept: application/octet-stream",
    "Authorization: Basic dXNlcjpjYW5hcnk=",
    "Range: bytes=1000-",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "Via: 1.1 mesh",
  ]);
  const opened = await proxy.event("connection-opened");
  const { atMs, transfer, connection, ...facts } = await proxy.event("started");
  assert.equal(connection, opened.connection);
  assert.ok(atMs >= opened.atMs && transfer > 0);
  assert.deepEqual(facts, {
    type: "started",
    listener: "test",
    remoteAddress: "127.0.0.1",
    registry: "registry.test",
    method: "GET",
    route: { kind: "blob", repository: "library/app", digest: DIGEST },
    userAgent: "containers/5.36",
    accept: "application/octet-stream",
    credentials: "basic",
    rangeStart: 1000,
    traceId: "0af7651916cd43dd8448eb211c80319c",
    traceParent: { spanId: "b7ad6b7169203331", sampled: true },
    forwarded: true,
  });
  assert.doesNotMatch(JSON.stringify(proxy.events), /dXNlcjpjYW5hcnk|canary/);
});

test("`responded` tells what the response's head says", async (t) => {
  const { proxy, upstream } = await startPair(
    t,
    ({ socket }) => {
      const head = [
        "HTTP/1.1 206 Partial Content",
        "content-range: bytes 5-9/300",
        "CONTENT-LENGTH: 5",
        "Content-Type: text/x",
        `docker-content-digest: ${DIGEST}`,
        "Retry-After: 7",
      ];
      socket.write(responseBytes(head, "56789"));
    },
    { listener: { registry: "registry.test" } },
  );
  await wireRequest(proxy.port, [`GET /v2/library/app/blobs/${DIGEST} HTTP/1.1`, "Host: h"]);
  const { atMs, transfer, ...facts } = await proxy.event("responded");
  assert.ok(atMs > 0 && transfer > 0);
  assert.deepEqual(facts, {
    type: "responded",
    status: 206,
    contentLength: 5,
    contentRange: { start: 5, end: 9, size: 300 },
    contentType: "text/x",
    dockerContentDigest: DIGEST,
    retryAfterSeconds: 7,
    servingHost: upstream.host,
  });
  assert.equal((await proxy.event("finished")).bytes, 5);
});

const CONTENT = JSON.stringify({
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [{ mediaType: "application/vnd.oci.image.manifest.v1+json", digest: DIGEST, size: 7 }],
});
const CODINGS = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

for (const [coding, encode] of Object.entries({ identity: (text: string) => Buffer.from(text), ...CODINGS })) {
  test(`\`finished\` tells a manifest's digest and content, coded as ${coding}`, async (t) => {
    const body = encode(CONTENT);
    const { proxy } = await startPair(
      t,
      ({ socket }) => {
        const head = ["HTTP/1.1 200 OK", `Content-Encoding: ${coding}`, `Content-Length: ${body.length}`];
        socket.write(responseBytes(head, body));
      },
      { listener: { registry: "registry.test" } },
    );
    const response = await wireRequest(proxy.port, [`GET ${MANIFEST} HTTP/1.1`, "Host: h"]);
    assert.ok(response.body.equals(body), "the client gets the coded bytes");
    const { manifest, bytes } = await proxy.event("finished");
    assert.equal(bytes, body.length);
    assert.deepEqual(manifest, {
      digest: `sha256:${createHash("sha256").update(CONTENT).digest("hex")}`,
      content: {
        kind: "index",
        manifests: [{ mediaType: "application/vnd.oci.image.manifest.v1+json", digest: DIGEST, size: 7 }],
      },
    });
  });
}

test("a manifest that is a bomb, too large or false passes through unread", async (t) => {
  const large = Buffer.alloc(4 * 1024 * 1024 + 1, " ");
  const bodies = new Map([
    ["bomb", { body: gzipSync(Buffer.alloc(64 * 1024 * 1024)), coding: "gzip" }],
    ["large", { body: large, coding: "identity" }],
    ["false", { body: Buffer.from("no gzip"), coding: "gzip" }],
  ]);
  const { proxy } = await startPair(
    t,
    ({ socket, target }) => {
      const { body = large, coding = "" } = bodies.get(target.split("/").at(-1) ?? "") ?? {};
      const head = ["HTTP/1.1 200 OK", `Content-Encoding: ${coding}`, `Content-Length: ${body.length}`];
      socket.write(responseBytes(head, body));
    },
    { listener: { registry: "registry.test" } },
  );
  for (const [tag, { body }] of bodies) {
    const response = await wireRequest(proxy.port, [`GET /v2/app/manifests/${tag} HTTP/1.1`, "Host: h"]);
    assert.ok(response.body.equals(body), tag);
  }
  const finished = proxy.events.filter((event) => event.type === "finished");
  assert.deepEqual(
    finished.map(({ manifest }) => manifest),
    [undefined, undefined, undefined],
  );
});

test("interim responses before the final one are left out", async (t) => {
  const { proxy } = await startPair(
    t,
    (request) => {
      request.socket.write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n");
      ok(request);
    },
    { listener: { registry: "registry.test" } },
  );
  const response = await wireRequest(proxy.port, [`GET ${MANIFEST} HTTP/1.1`, "Host: h"]);
  assert.equal(response.statusLine, "HTTP/1.1 200 OK");
  assert.equal(response.body.toString(), "ok");
});

for (const [reader, sent, order] of [
  ["the proxy itself has read, and it stays in its place", [], [2, 3, 0, 1]],
  ["Node.js has read, and it goes first", ["Expect: nothing"], [0, 1, 2, 3]],
] as const) {
  test(`a Content-Disposition beyond ASCII keeps its bytes in the answer to a request that ${reader}`, async (t) => {
    const { proxy } = await startPair(
      t,
      ({ socket }) => {
        const head = ["HTTP/1.1 200 OK", "Content-Length: 2", 'Content-Disposition: attachment; filename="caf\u00e9"'];
        socket.write(responseBytes(head, "ok"));
      },
      { listener: { registry: "registry.test" } },
    );
    const { headers } = await wireRequest(proxy.port, [`GET ${MANIFEST} HTTP/1.1`, "Host: h", ...sent]);
    const expected = ["Content-Disposition", 'attachment; filename="caf\u00e9"', "Content-Length", "2"];
    assert.deepEqual(
      headers.slice(0, 4),
      order.map((i) => expected[i]),
    );
  });
}

function pipelined(tag: string, connection: string): string {
  return `GET /v2/app/manifests/${tag} HTTP/1.1\r\nHost: h\r\nConnection: ${connection}\r\n\r\n`;
}

test("pipelined requests are answered in their order, whichever upstream is faster", async (t) => {
  const { proxy } = await startPair(
    t,
    ({ socket, target }) => {
      const body = target.split("/").at(-1) ?? "";
      const send = (): boolean =>
        socket.write(responseBytes(["HTTP/1.1 200 OK", `Content-Length: ${body.length}`], body));
      if (body === "first") setTimeout(send, 50);
      else send();
    },
    { listener: { registry: "registry.test" } },
  );
  const socket = await openSocket(proxy.port);
  socket.write(pipelined("first", "keep-alive") + pipelined("second", "keep-alive") + pipelined("third", "close"));
  const text = (await readAll(socket)).toString();
  assert.deepEqual(text.match(/first|second|third/g), ["first", "second", "third"]);
  await proxy.event("connection-closed");
  assert.equal(proxy.events.filter(({ type }) => type === "finished").length, 3);
});

test("connections are kept on both sides", async (t) => {
  const { proxy, upstream } = await startPair(t, ok, { listener: { registry: "registry.test" } });
  for (let i = 0; i < 20; i += 1) {
    const response = await fetch(`${proxy.url}${MANIFEST}`, { method: i % 2 === 0 ? "GET" : "HEAD" });
    await response.arrayBuffer();
  }
  assert.equal(upstream.requests.length, 20);
  assert.equal(upstream.connections, 1);
});

test("HTTP/1.0 clients get a body that ends with the connection", async (t) => {
  const { proxy } = await startPair(
    t,
    ({ socket }) =>
      socket.write(responseBytes(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], "2\r\nok\r\n0\r\n\r\n")),
    { listener: { registry: "registry.test" } },
  );
  const socket = await openSocket(proxy.port);
  socket.write(`GET ${MANIFEST} HTTP/1.0\r\n\r\n`);
  const response = parseResponse(await readAll(socket));
  assert.equal(valueOf(response.headers, "transfer-encoding"), undefined);
  assert.equal(response.body.toString(), "ok");
});

test("an upstream with an IPv6 address is reached, for pulls and for the rest", async (t) => {
  const upstream = await startScriptedUpstream(ok, { address: "::1" });
  t.after(() => upstream.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(upstream.origin)],
    listener: { registry: "registry.test" },
  });
  for (const target of [MANIFEST, "/v2/library/app/tags/list"]) {
    const response = await wireRequest(proxy.port, [`GET ${target} HTTP/1.1`, "Host: h"]);
    assert.equal(response.body.toString(), "ok", target);
    assert.equal(valueOf(upstream.requests.at(-1)?.headers ?? [], "host"), upstream.host);
  }
});
