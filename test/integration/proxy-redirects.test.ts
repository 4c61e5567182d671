import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { startProxy, upstreamAt, type TestProxy } from "../support/data-plane.ts";
import {
  responseBytes,
  startScriptedUpstream,
  type ScriptedUpstream,
  type ScriptedUpstreamOptions,
  type WireRequest,
} from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { valueOf, wireRequest, type WireResponse } from "../support/wire-client.ts";

const DIGEST = `sha256:${"d".repeat(64)}`;
const BLOB = `/v2/library/app/blobs/${DIGEST}`;
const SECRET = "Authorization: Bearer canary";

async function startUpstream(
  t: TestContext,
  respond: (request: WireRequest) => void,
  options?: ScriptedUpstreamOptions,
): Promise<ScriptedUpstream> {
  const upstream = await startScriptedUpstream(respond, options);
  t.after(() => upstream.close());
  return upstream;
}

function serve(body: string): (request: WireRequest) => void {
  return ({ socket }) => socket.write(responseBytes(["HTTP/1.1 200 OK", `Content-Length: ${body.length}`], body));
}

function redirectTo(location: () => string, status = 307): (request: WireRequest) => void {
  return ({ socket }) => {
    socket.write(responseBytes([`HTTP/1.1 ${status} Moved`, `Location: ${location()}`, "Content-Length: 4"], "gone"));
  };
}

function startFor(t: TestContext, origin: URL, settings: Partial<Upstream> = {}): Promise<TestProxy> {
  return startProxy(t, { upstreams: [upstreamAt(origin, settings)], listener: { registry: "registry.test" } });
}

function get(proxy: TestProxy, target: string, headers: readonly string[] = [], method = "GET"): Promise<WireResponse> {
  return wireRequest(proxy.port, [`${method} ${target} HTTP/1.1`, "Host: h", ...headers], method);
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`a blob's ${status} to another origin is followed, and credentials stay with the registry`, async (t) => {
    const store = await startUpstream(t, serve("content"));
    const signed = "/bucket/a%2Fb//c?X-Sig=%41%2b+'|&ns=kept";
    const registry = await startUpstream(
      t,
      redirectTo(() => `${store.origin.origin}${signed}#fragment`, status),
    );
    const proxy = await startFor(t, registry.origin);

    const response = await get(proxy, BLOB, [SECRET, "cookie: a=b", "Range: bytes=2-", "User-Agent: podman/5"]);

    assert.equal(response.statusLine, "HTTP/1.1 200 OK");
    assert.equal(response.body.toString(), "content");
    const [asked] = store.requests;
    assert.equal(asked?.target, signed, "path and query go on byte for byte");
    assert.equal(valueOf(asked?.headers ?? [], "host"), store.host);
    assert.equal(valueOf(asked?.headers ?? [], "range"), "bytes=2-");
    assert.equal(valueOf(asked?.headers ?? [], "user-agent"), "podman/5");
    assert.doesNotMatch(JSON.stringify(asked?.headers), /canary|a=b/);
    assert.match(JSON.stringify(registry.requests[0]?.headers), /canary.*a=b/);
    const { servingHost } = await proxy.event("responded");
    assert.equal(servingHost, store.host);
    const hops = proxy.events.filter((event) => event.type === "upstream-exchanged");
    assert.deepEqual(
      hops.map(({ host, outcome, registry: name }) => ({ host, outcome, name })),
      [
        { host: registry.host, outcome: status, name: "registry.test" },
        { host: store.host, outcome: 200, name: "registry.test" },
      ],
    );
    assert.doesNotMatch(JSON.stringify(proxy.events), /canary|X-Sig|a=b/, "no event holds a secret");
  });
}

test("HEAD follows redirects as HEAD", async (t) => {
  const store = await startUpstream(t, ({ socket }) =>
    socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 77"])),
  );
  const registry = await startUpstream(t, ({ socket }) => {
    socket.write(responseBytes(["HTTP/1.1 307 Moved", `Location: ${store.origin.origin}/x`]));
  });
  const proxy = await startFor(t, registry.origin);
  const response = await get(proxy, BLOB, [], "HEAD");
  assert.equal(valueOf(response.headers, "content-length"), "77");
  assert.equal(store.requests[0]?.method, "HEAD");
});

test("a redirect within the registry's origin keeps the credentials", async (t) => {
  const registry = await startUpstream(t, (request) => {
    if (request.target === BLOB) redirectTo(() => "/elsewhere?a=1")(request);
    else serve("content")(request);
  });
  const proxy = await startFor(t, registry.origin);
  const response = await get(proxy, BLOB, [SECRET]);
  assert.equal(response.body.toString(), "content");
  assert.equal(registry.requests[1]?.target, "/elsewhere?a=1");
  assert.match(JSON.stringify(registry.requests[1]?.headers), /canary/);
  await get(proxy, BLOB);
  assert.equal(registry.connections, 2, "the redirect's body was read, so its connection serves on");
});

test("credentials do not come back when a redirect leads back", async (t) => {
  const store: ScriptedUpstream = await startUpstream(
    t,
    redirectTo(() => `${registry.origin.origin}/back`),
  );
  const registry: ScriptedUpstream = await startUpstream(t, (request) => {
    if (request.target === BLOB) redirectTo(() => `${store.origin.origin}/away`)(request);
    else serve("content")(request);
  });
  const proxy = await startFor(t, registry.origin);
  const response = await get(proxy, BLOB, [SECRET]);
  assert.equal(response.body.toString(), "content");
  assert.equal(registry.requests[1]?.target, "/back");
  assert.doesNotMatch(JSON.stringify(registry.requests[1]?.headers), /canary/);
});

function demand({ socket }: WireRequest): void {
  const head = ["HTTP/1.1 401 Unauthorized", 'WWW-AUTHENTICATE: Bearer realm="https://auth.test/"', "Set-Cookie: a=b"];
  socket.write(responseBytes([...head, "X-Kept: 1", "Content-Length: 0"]));
}

test("a challenge and cookies of another origin do not reach the client, those of the registry do", async (t) => {
  const store = await startUpstream(t, demand);
  const registry = await startUpstream(t, (request) => {
    if (request.target === BLOB) redirectTo(() => `${store.origin.origin}/x`)(request);
    else demand(request);
  });
  const proxy = await startFor(t, registry.origin);
  const away = await get(proxy, BLOB);
  assert.equal(away.statusLine, "HTTP/1.1 401 Unauthorized");
  assert.deepEqual(away.headers.slice(0, 2), ["X-Kept", "1"]);
  const home = await get(proxy, "/v2/library/app/manifests/latest");
  assert.equal(valueOf(home.headers, "www-authenticate"), 'Bearer realm="https://auth.test/"');
  assert.equal(valueOf(home.headers, "set-cookie"), "a=b");
});

test("the redirect of a ping is the client's to follow, for it decides about credentials", async (t) => {
  const registry = await startUpstream(
    t,
    redirectTo(() => "https://backend.test/v2/"),
  );
  const proxy = await startFor(t, registry.origin);
  const response = await get(proxy, "/v2/");
  assert.equal(response.statusLine, "HTTP/1.1 307 Moved");
  assert.equal(valueOf(response.headers, "location"), "https://backend.test/v2/");
});

test("a redirect that leads to itself is a 502 at once", async (t) => {
  const registry = await startUpstream(
    t,
    redirectTo(() => BLOB),
  );
  const proxy = await startFor(t, registry.origin);
  const response = await get(proxy, BLOB);
  assert.equal(response.statusLine, "HTTP/1.1 502 Bad Gateway");
  assert.match(response.body.toString(), /redirects in a loop/);
  assert.equal(registry.requests.length, 1);
  assert.equal((await proxy.event("responded")).failure, "proxy");
});

test("the tenth redirect is followed, the eleventh is not", async (t) => {
  let hops = 0;
  let last = 10;
  const registry = await startUpstream(t, (request) => {
    hops += 1;
    if (hops <= last) redirectTo(() => `/hop-${hops}`)(request);
    else serve("content")(request);
  });
  const proxy = await startFor(t, registry.origin);
  assert.equal((await get(proxy, BLOB)).body.toString(), "content");
  [hops, last] = [0, 11];
  assert.equal((await get(proxy, BLOB)).statusLine, "HTTP/1.1 502 Bad Gateway");
});

test("`redirects: pass` hands a redirect to the client untouched", async (t) => {
  const registry = await startUpstream(
    t,
    redirectTo(() => "https://cdn.test/x?Sig=1#f"),
  );
  const proxy = await startFor(t, registry.origin, { redirects: "pass" });
  const response = await get(proxy, BLOB);
  assert.equal(response.statusLine, "HTTP/1.1 307 Moved");
  assert.equal(valueOf(response.headers, "location"), "https://cdn.test/x?Sig=1#f");
  assert.equal(response.body.toString(), "gone");
});

test("a redirect from https to http is refused", async (t) => {
  const store = await startUpstream(t, serve("content"));
  const registry = await startUpstream(
    t,
    redirectTo(() => `${store.origin.origin}/x`),
    { tls: TEST_TLS },
  );
  const proxy = await startFor(t, registry.origin, { ca: TEST_TLS.ca });
  const response = await get(proxy, BLOB);
  assert.equal(response.statusLine, "HTTP/1.1 403 Forbidden");
  assert.match(response.body.toString(), /"DENIED".*https to plain http/);
  assert.equal(store.connections, 0);
});

const REFUSED_TARGETS = [
  "http://127.0.0.2:PORT/x",
  "//127.0.0.2:PORT/x",
  "http://user:secret@127.0.0.2:PORT/x",
  "http://localhost:PORT/x",
  "http://0x7f.2:PORT/x",
  "http://2130706434:PORT/x",
  "http://[::ffff:127.0.0.2]:PORT/x",
  "http://169.254.169.254/latest/meta-data/",
  "http://[fd00:ec2::254]/",
];

for (const target of REFUSED_TARGETS) {
  test(`a redirect to ${target} is refused, although the registry itself is private`, async (t) => {
    const store = await startUpstream(t, serve("content"), { address: "127.0.0.2" });
    const location = target.replace("PORT", store.origin.port);
    const registry = await startUpstream(
      t,
      redirectTo(() => location),
    );
    const proxy = await startFor(t, registry.origin);
    const response = await get(proxy, BLOB);
    assert.equal(response.statusLine, "HTTP/1.1 403 Forbidden");
    assert.match(response.body.toString(), /privateRedirectHosts/);
    assert.doesNotMatch(response.body.toString(), /secret/);
    assert.equal(store.connections, 0);
    assert.equal((await proxy.event("refused")).reason, "address");
  });
}

test("a redirect to a private host that the configuration names is followed", async (t) => {
  const store = await startUpstream(t, serve("content"), { address: "127.0.0.2" });
  const registry = await startUpstream(
    t,
    redirectTo(() => `${store.origin.origin}/x`),
  );
  const proxy = await startFor(t, registry.origin, { privateRedirectHosts: ["127.0.0.2"] });
  assert.equal((await get(proxy, BLOB)).body.toString(), "content");
});

for (const location of ["ftp://127.0.0.1/x", "http://", "javascript:alert(1)", "http://[::1", "file:///etc/passwd"]) {
  test(`a redirect to ${location} is a 502`, async (t) => {
    const registry = await startUpstream(
      t,
      redirectTo(() => location),
    );
    const proxy = await startFor(t, registry.origin);
    assert.equal((await get(proxy, BLOB)).statusLine, "HTTP/1.1 502 Bad Gateway");
  });
}
