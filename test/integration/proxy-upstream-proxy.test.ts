import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { startProxy, upstreamAt } from "../support/data-plane.ts";
import { responseBytes, startScriptedUpstream, type ScriptedUpstreamOptions } from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { valueOf, wireRequest } from "../support/wire-client.ts";

const BLOB = `/v2/app/blobs/sha256:${"d".repeat(64)}`;

interface HttpProxy {
  readonly origin: string;
  /** Heads of what it was asked. */
  readonly heads: readonly string[];
}

/** An HTTP proxy that opens every tunnel to `port`, and answers every other request itself. */
async function startHttpProxy(
  t: TestContext,
  port: number,
  { status = "200 Connection established", tls }: { readonly status?: string; readonly tls?: typeof TEST_TLS } = {},
): Promise<HttpProxy> {
  const heads: string[] = [];
  const accept = (socket: Socket): void => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      const head = data.toString("latin1");
      heads.push(head);
      if (!head.startsWith("CONNECT ")) {
        socket.end(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 9", "Connection: close"], "by proxy!"));
      } else if (status.startsWith("2")) {
        const onward = connect(port, "127.0.0.1", () => {
          socket.write(`HTTP/1.1 ${status}\r\n\r\n`);
          socket.pipe(onward).pipe(socket);
        });
        onward.on("error", () => socket.destroy());
        socket.on("close", () => onward.destroy());
      } else {
        socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
      }
    });
  };
  const server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const scheme = tls === undefined ? "http" : "https";
  return { origin: `${scheme}://user:p%40ss@127.0.0.1:${(server.address() as AddressInfo).port}`, heads };
}

async function startOk(t: TestContext, options?: ScriptedUpstreamOptions): ReturnType<typeof startScriptedUpstream> {
  const upstream = await startScriptedUpstream(({ socket }) => {
    socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok"));
  }, options);
  t.after(() => upstream.close());
  return upstream;
}

test("an https registry behind an upstream proxy is reached through a tunnel", async (t) => {
  const upstream = await startOk(t, { tls: TEST_TLS });
  const httpProxy = await startHttpProxy(t, Number(upstream.origin.port));
  const proxy = await startProxy(t, {
    // Names are the proxy's to resolve: this one exists nowhere.
    upstreams: [
      upstreamAt("https://registry.test", {
        ca: TEST_TLS.ca,
        proxy: new URL(httpProxy.origin),
        allowPrivateAddresses: false,
      }),
    ],
    listener: { registry: "registry.test" },
  });
  for (const target of [BLOB, "/v2/app/tags/list"]) {
    const response = await wireRequest(proxy.port, [
      `GET ${target} HTTP/1.1`,
      "Host: h",
      "Authorization: Bearer canary",
    ]);
    assert.equal(response.body.toString(), "ok");
  }
  assert.equal(httpProxy.heads.length, 2, "one tunnel for pulls, one for the rest");
  for (const head of httpProxy.heads) {
    assert.match(head, /^CONNECT registry\.test:443 HTTP\/1\.1\r\n/);
    assert.match(head, new RegExp(`proxy-authorization: Basic ${Buffer.from("user:p@ss").toString("base64")}`, "i"));
    assert.doesNotMatch(head, /canary/);
  }
  for (const { headers } of upstream.requests) {
    assert.equal(valueOf(headers, "proxy-authorization"), undefined);
    assert.equal(valueOf(headers, "host"), "registry.test");
  }
  assert.doesNotMatch(JSON.stringify(proxy.events), /p@ss|p%40ss/);
});

test("a plain http registry behind an upstream proxy is asked for by its whole URL", async (t) => {
  const upstream = await startOk(t);
  const httpProxy = await startHttpProxy(t, Number(upstream.origin.port));
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt("http://registry.test:5000", { proxy: new URL(httpProxy.origin) })],
    listener: { registry: "registry.test" },
  });
  const response = await wireRequest(proxy.port, [`GET ${BLOB}?a=%20 HTTP/1.1`, "Host: h", "Accept: a", "Accept: b"]);
  assert.equal(response.body.toString(), "by proxy!");
  const [head = ""] = httpProxy.heads;
  assert.ok(
    head.startsWith(`GET http://registry.test:5000${BLOB}?a=%20 HTTP/1.1\r\nhost: registry.test:5000\r\n`),
    head,
  );
  assert.match(head, /\r\nAccept: a\r\nAccept: b\r\n/);
  assert.match(head, /\r\nProxy-Authorization: Basic /);
  assert.equal((await proxy.event("responded")).servingHost, "registry.test:5000");
});

for (const scheme of ["http", "https"]) {
  test(`an upstream proxy that speaks TLS leads to an ${scheme} registry`, async (t) => {
    const upstream = await startOk(t, { tls: TEST_TLS });
    const httpProxy = await startHttpProxy(t, Number(upstream.origin.port), { tls: TEST_TLS });
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt(`${scheme}://registry.test`, { ca: TEST_TLS.ca, proxy: new URL(httpProxy.origin) })],
      listener: { registry: "registry.test" },
    });
    const response = await wireRequest(proxy.port, [`GET ${BLOB} HTTP/1.1`, "Host: h"]);
    assert.equal(response.body.toString(), scheme === "https" ? "ok" : "by proxy!");
    assert.equal(httpProxy.heads.length, 1);
  });
}

for (const status of ["407 Proxy Authentication Required", "502 Bad Gateway"]) {
  test(`a tunnel that is refused with ${status} is a 502`, async (t) => {
    const httpProxy = await startHttpProxy(t, 1, { status });
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt("https://registry.test", { proxy: new URL(httpProxy.origin) })],
      listener: { registry: "registry.test" },
    });
    const response = await wireRequest(proxy.port, [`GET ${BLOB} HTTP/1.1`, "Host: h"]);
    assert.equal(response.statusLine, "HTTP/1.1 502 Bad Gateway");
    assert.match(response.body.toString(), new RegExp(`upstream proxy answered ${status.slice(0, 3)}`));
    assert.equal((await proxy.event("responded")).failure, "connect");
  });
}

test("an address that is not public is refused before the upstream proxy is asked", async (t) => {
  const httpProxy = await startHttpProxy(t, 1);
  const settings = { proxy: new URL(httpProxy.origin), allowPrivateAddresses: false };
  for (const origin of ["https://169.254.169.254", "http://127.0.0.1:1", "https://localhost"]) {
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt(origin, settings)],
      listener: { registry: "registry.test" },
    });
    const response = await wireRequest(proxy.port, [`GET ${BLOB} HTTP/1.1`, "Host: h"]);
    assert.equal(response.statusLine, "HTTP/1.1 403 Forbidden", origin);
  }
  assert.equal(httpProxy.heads.length, 0);
});

test("a public registry that resolves to a private address is refused, on both ways", async (t) => {
  const upstream = await startOk(t);
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(`http://registry.test:${upstream.origin.port}`, { allowPrivateAddresses: false })],
    listener: { registry: "registry.test" },
    lookup: (_hostname, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]),
  });
  for (const target of [BLOB, "/v2/app/tags/list"]) {
    const response = await wireRequest(proxy.port, [`GET ${target} HTTP/1.1`, "Host: h"]);
    assert.equal(response.statusLine, "HTTP/1.1 403 Forbidden");
    assert.match(response.body.toString(), /registry\.test has no public address.*allowPrivateAddresses/);
  }
  assert.equal(upstream.connections, 0);
});

test("a connection that one registry may have to a private host serves no other registry", async (t) => {
  const upstream = await startOk(t);
  const proxy = await startProxy(t, {
    upstreams: [
      upstreamAt(upstream.origin, { registry: "mine.test" }),
      upstreamAt(upstream.origin, { registry: "other.test", allowPrivateAddresses: false }),
    ],
  });
  const ask = (registry: string): ReturnType<typeof wireRequest> =>
    wireRequest(proxy.port, [`GET ${BLOB}?ns=${registry} HTTP/1.1`, "Host: h"]);
  assert.equal((await ask("mine.test")).statusLine, "HTTP/1.1 200 OK");
  assert.equal((await ask("other.test")).statusLine, "HTTP/1.1 403 Forbidden");
  assert.equal(upstream.requests.length, 1);
});
