import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { test, type TestContext } from "node:test";
import { buildImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { pull } from "../../src/demo/puller.ts";
import { startDemoRegistry, type DemoRegistryOptions } from "../../src/demo/registry.ts";
import type { Listener } from "../../src/proxy/listener.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { startProxy, upstreamAt, type TestProxy } from "../support/data-plane.ts";

const IMAGE = buildImage({ repository: "demo/app", tag: "v1", layers: [buildLayer("layer", 10_000)] });
const ALICE = { username: "alice", password: "canary-password" };
const AUTH = {
  scheme: "bearer",
  users: { alice: ALICE.password },
  privateRepositories: { "demo/app": ["alice"] },
} as const;
const MANIFEST = "/v2/demo/app/manifests/v1";

async function startRegistry(t: TestContext, options: Partial<DemoRegistryOptions> = {}) {
  const registry = await startDemoRegistry({ images: [IMAGE], ...options });
  t.after(() => registry.close());
  return registry;
}

function startRelay(t: TestContext, upstreams: readonly Upstream[], listener: Partial<Listener> = {}) {
  return startProxy(t, {
    upstreams,
    listener: { tokens: "relay", ...listener },
    tokenRelay: { domainOf: (host) => host.split(".").slice(-2).join(".") },
  });
}

interface ScriptedTokenService {
  readonly url: string;
  readonly requests: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["rawHeaders"];
    readonly body: string;
  }[];
}

/** Registry and token service in one, that ask as `challenge` says and answer every request for a token with `answer`. */
async function startTokenRegistry(
  t: TestContext,
  options: {
    readonly challenge: (url: string) => string;
    readonly status?: number;
    readonly answer: Buffer | string;
    readonly headers?: Record<string, string>;
  },
): Promise<ScriptedTokenService> {
  const requests: ScriptedTokenService["requests"] = [];
  const server = createServer((request, response) => {
    void (async () => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      requests.push({ method: request.method ?? "", url: request.url ?? "", headers: request.rawHeaders, body });
      if (!request.url?.startsWith("/v2/")) {
        response.writeHead(options.status ?? 200, { "content-type": "application/json", ...options.headers });
        response.end(options.answer);
      } else if (request.headers.authorization?.startsWith("Bearer") === true) response.writeHead(404).end("{}");
      else response.writeHead(401, { "www-authenticate": options.challenge(url) }).end("{}");
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  return { url, requests };
}

function credentialsOf(proxy: TestProxy): string[] {
  return proxy.events.flatMap((event) =>
    event.type === "started" && event.route.kind !== "ping" ? [event.credentials] : [],
  );
}

test("a challenge leads to the proxy; its service and scope stay byte for byte", async (t) => {
  const challenge = `Bearer realm="REALM/token?x=1",service="a \\"b\\" c", scope="repository:demo/app:pull",error="insufficient_scope"`;
  const registry = await startTokenRegistry(t, { challenge: (url) => challenge.replace("REALM", url), answer: "{}" });
  const proxy = await startRelay(t, [upstreamAt(registry.url)], { registry: "registry.test" });
  const response = await fetch(`${proxy.url}${MANIFEST}`);
  assert.equal(response.status, 401);
  const realm = `${proxy.url}/_pullmeter/token/registry.test`;
  assert.equal(response.headers.get("www-authenticate"), challenge.replace("REALM/token?x=1", realm));
});

test("a request for a token goes to the registry's token service byte for byte, and so does its answer", async (t) => {
  const answer = gzipSync('{ "token" : "canary-token" , "expires_in":60 }');
  const registry = await startTokenRegistry(t, {
    challenge: (url) => `Bearer realm="${url}/auth/token?x=%2f1",service="s"`,
    answer,
    headers: { "content-encoding": "gzip", "x-kept": "1" },
  });
  const proxy = await startRelay(t, [upstreamAt(registry.url)], { registry: "registry.test" });
  await fetch(`${proxy.url}${MANIFEST}`);
  const query = "account=a%20b&scope=repository%3ademo/app:pull&service=s+t";
  const authorization = `Basic ${btoa("alice:canary-password")}`;
  const response = await fetch(`${proxy.url}/_pullmeter/token/registry.test?${query}`, { headers: { authorization } });
  assert.deepEqual([response.status, response.headers.get("x-kept")], [200, "1"]);
  assert.deepEqual(await response.json(), { token: "canary-token", expires_in: 60 });
  const asked = registry.requests.at(-1);
  assert.equal(asked?.url, `/auth/token?x=%2f1&${query}`);
  assert.ok(asked?.headers.includes(authorization));

  const form = "grant_type=refresh_token&refresh_token=canary-refresh&scope=repository%3ademo%2Fapp%3Apull&service=s";
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  await fetch(`${proxy.url}/_pullmeter/token/registry.test`, { method: "POST", body: form, headers });
  const posted = registry.requests.at(-1);
  assert.deepEqual([posted?.method, posted?.url, posted?.body], ["POST", "/auth/token?x=%2f1", form]);
});

for (const [title, ask, evidence] of [
  ["nobody's", {}, "anonymous_bearer"],
  ["one with empty credentials", { headers: { authorization: `Basic ${btoa(":")}` } }, "anonymous_bearer"],
  ["a user's", { headers: { authorization: `Basic ${btoa("a:b")}` } }, "bearer"],
  ["one for a password", { method: "POST", body: "grant_type=password&username=a&password=b" }, "bearer"],
  ["one for a refresh token", { method: "POST", body: "grant_type=refresh_token&refresh_token=r" }, "bearer"],
] as const) {
  test(`an opaque token is known by how it was got: ${title}`, async (t) => {
    const registry = await startTokenRegistry(t, {
      challenge: (url) => `Bearer realm="${url}/token"`,
      answer: '{"access_token":"opaque"}',
    });
    const proxy = await startRelay(t, [upstreamAt(registry.url)], { registry: "registry.test" });
    await fetch(`${proxy.url}/_pullmeter/token/registry.test?scope=repository:demo/app:pull`, ask);
    await fetch(`${proxy.url}${MANIFEST}`, { headers: { authorization: "Bearer opaque" } });
    await fetch(`${proxy.url}${MANIFEST}`, { headers: { authorization: "Bearer other" } });
    assert.deepEqual(credentialsOf(proxy), [evidence, "opaque_bearer"]);
    const answered = await proxy.event("token-answered");
    assert.deepEqual([answered.outcome, answered.hasCredentials], [200, evidence === "bearer"]);
    assert.equal(answered.registry, "registry.test");
    assert.ok(answered.durationMs >= 0);
  });
}

test("registries that give tokens, ask for passwords, or ask for nothing share one listener", async (t) => {
  const token = await startRegistry(t, { auth: AUTH });
  const basic = await startRegistry(t, { auth: { ...AUTH, scheme: "basic" } });
  const open = await startRegistry(t);
  const proxy = await startRelay(t, [
    upstreamAt(token.url, { registry: "token.test" }),
    upstreamAt(basic.url, { registry: "basic.test" }),
    upstreamAt(open.url, { registry: "open.test" }),
  ]);
  for (const registry of ["token.test", "basic.test", "open.test"]) {
    const options = { origin: proxy.url, repository: `${registry}/demo/app`, reference: "v1", credentials: ALICE };
    const pulled = await pull({ ...options, store: new Set() });
    assert.equal(pulled.layersFetched, 1, registry);
  }
  assert.deepEqual([...new Set(credentialsOf(proxy))], ["bearer", "basic", "none"]);
  const seen = open.requests.flatMap(({ headers }) => (headers === undefined ? [] : Object.keys(headers)));
  assert.ok(!seen.includes("authorization"), "an open registry never sees credentials");
});

test("without credentials a shared listener gives nobody what is private", async (t) => {
  const token = await startRegistry(t, { auth: AUTH });
  const basic = await startRegistry(t, { auth: { ...AUTH, scheme: "basic" } });
  const proxy = await startRelay(t, [
    upstreamAt(token.url, { registry: "token.test" }),
    upstreamAt(basic.url, { registry: "basic.test" }),
  ]);
  for (const registry of ["token.test", "basic.test"]) {
    const options = { origin: proxy.url, repository: `${registry}/demo/app`, reference: "v1", store: new Set<never>() };
    await assert.rejects(pull(options), /401/, registry);
  }
});

test("a token that the proxy made for one registry is worth nothing at another", async (t) => {
  const basic = await startRegistry(t, { auth: { ...AUTH, scheme: "basic" } });
  const other = await startTokenRegistry(t, { challenge: () => 'Basic realm="x"', answer: "{}" });
  const proxy = await startRelay(t, [
    upstreamAt(basic.url, { registry: "basic.test" }),
    upstreamAt(other.url, { registry: "other.test" }),
  ]);
  const authorization = `Basic ${btoa("alice:canary-password")}`;
  const scope = "scope=repository:basic.test/demo/app:pull";
  const got = await fetch(`${proxy.url}/_pullmeter/token?${scope}`, { headers: { authorization } });
  const { token } = (await got.json()) as { token: string };
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await fetch(`${proxy.url}/v2/basic.test/demo/app/manifests/v1`, { headers })).status, 200);
  await fetch(`${proxy.url}/v2/other.test/demo/app/manifests/v1`, { headers });
  assert.ok(!other.requests.some((request) => request.headers.some((text) => text.toLowerCase() === "authorization")));
});

for (const [title, realm, tokenHosts, isTrusted] of [
  ["on the registry's own host", "http://registry.example.com:1/token", [], true],
  ["below the registry's domain", "http://auth.example.com/token", [], true],
  ["by https", "https://auth.example.com/token", [], true],
  ["on a configured host", "http://tokens.example.net/token", ["tokens.example.net"], true],
  ["on another host", "http://example.net/token", [], false],
  ["on a host that ends alike", "http://badexample.com/token", [], false],
  ["on an address", "http://127.0.0.1/token", [], false],
  ["with user-info", "http://a@auth.example.com/token", [], false],
  ["that is no URL", "token", [], false],
  ["of another scheme", "ftp://auth.example.com/token", [], false],
] as const) {
  test(`a realm ${title} is ${isTrusted ? "taken over" : "left to the client"}`, async (t) => {
    const registry = await startTokenRegistry(t, {
      challenge: () => `Bearer realm="${realm}",service="s"`,
      answer: "",
    });
    const { port } = new URL(registry.url);
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt(`http://registry.example.com:${port}`, { tokens: "relay", tokenHosts })],
      listener: { registry: "registry.test" },
      lookup: (_name, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]),
      tokenRelay: { domainOf: (host) => host.split(".").slice(-2).join(".") },
    });
    const { headers } = await fetch(`${proxy.url}/v2/`);
    const expected = isTrusted ? `${proxy.url}/_pullmeter/token/registry.test` : realm;
    assert.equal(headers.get("www-authenticate"), `Bearer realm="${expected}",service="s"`);
  });
}

test("a token service on a private address is asked only where the registry may be private", async (t) => {
  const service = await startTokenRegistry(t, { challenge: () => "", answer: '{"token":"x"}' });
  const { port } = new URL(service.url);
  const registry = await startTokenRegistry(t, {
    challenge: () => `Bearer realm="http://auth.example.com:${port}/token"`,
    answer: "",
  });
  const origin = `http://registry.example.com:${new URL(registry.url).port}`;
  for (const [tokenHosts, status] of [
    [[], 403],
    [["auth.example.com"], 200],
  ] as const) {
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt(origin, { tokens: "relay", tokenHosts })],
      listener: { registry: "registry.test" },
      lookup: (_name, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]),
      tokenRelay: { domainOf: (host) => host.split(".").slice(-2).join(".") },
    });
    assert.equal((await fetch(`${proxy.url}/_pullmeter/token/registry.test`)).status, status);
    assert.equal((await proxy.event("token-answered")).outcome, status === 200 ? 200 : "refused");
  }
});

for (const [title, path, init, status] of [
  ["of no registry", "/_pullmeter/token?service=pullmeter", {}, 403],
  ["of two registries", "/_pullmeter/token?scope=repository:a.test/x:pull&scope=repository:b.test/x:pull", {}, 403],
  ["of a registry that is not allowed", "/_pullmeter/token/unknown.test", {}, 403],
  ["by another method", "/_pullmeter/token/registry.test", { method: "PUT", body: "x" }, 400],
  ["with an endless form", "/_pullmeter/token/registry.test", { method: "POST", body: "x".repeat(70_000) }, 400],
] as const) {
  test(`a request for a token ${title} is refused`, async (t) => {
    const registry = await startTokenRegistry(t, { challenge: (url) => `Bearer realm="${url}"`, answer: "{}" });
    const proxy = await startRelay(t, [upstreamAt(registry.url)]);
    const response = await fetch(`${proxy.url}${path}`, init);
    assert.equal(response.status, status);
    assert.equal(registry.requests.length, 0);
    assert.ok((await proxy.event("refused")).reason.length > 0);
  });
}

test("where nothing is relayed, the path of tokens is no endpoint and challenges stay", async (t) => {
  const registry = await startTokenRegistry(t, { challenge: (url) => `Bearer realm="${url}/t"`, answer: "{}" });
  const proxy = await startProxy(t, { upstreams: [upstreamAt(registry.url)], listener: { registry: "registry.test" } });
  assert.equal((await fetch(`${proxy.url}/_pullmeter/token/registry.test`)).status, 400);
  assert.equal((await fetch(`${proxy.url}/v2/`)).headers.get("www-authenticate"), `Bearer realm="${registry.url}/t"`);
});

for (const [status, outcome] of [
  [401, 401],
  [403, 403],
  [503, 503],
] as const) {
  test(`a token service that answers ${status} is seen, and its answer is the client's`, async (t) => {
    const registry = await startTokenRegistry(t, {
      challenge: (url) => `Bearer realm="${url}/token"`,
      status,
      answer: '{"details":"no"}',
    });
    const proxy = await startRelay(t, [upstreamAt(registry.url)], { registry: "registry.test" });
    const response = await fetch(`${proxy.url}/_pullmeter/token/registry.test?scope=repository:demo/app:pull`);
    assert.deepEqual([response.status, await response.text()], [status, '{"details":"no"}']);
    const answered = await proxy.event("token-answered");
    assert.deepEqual([answered.outcome, answered.repository], [outcome, "demo/app"]);
  });
}

test("no secret of a request for a token, nor the token, is in any event or error", async (t) => {
  const registry = await startTokenRegistry(t, {
    challenge: (url) => `Bearer realm="${url}/token"`,
    answer: '{"token":"canary-token","refresh_token":"canary-refresh"}',
  });
  const proxy = await startRelay(t, [upstreamAt(registry.url)]);
  const scope = "scope=repository:registry.test/demo/app:pull";
  const authorization = `Basic ${btoa("alice:canary-password")}`;
  const errors: string[] = [];
  const ask = async (path: string, init: RequestInit): Promise<void> => {
    const response = await fetch(`${proxy.url}${path}`, init);
    if (response.status !== 200) errors.push(await response.text());
  };
  await ask(`/_pullmeter/token?${scope}`, { headers: { authorization } });
  const form = "grant_type=password&username=alice&password=canary-password";
  await ask("/_pullmeter/token", { method: "POST", body: `${form}&${scope}` });
  await ask("/_pullmeter/token", { method: "POST", body: form });
  await ask("/_pullmeter/token/nobody.test", { headers: { authorization } });
  await ask("/v2/registry.test/demo/app/manifests/v1", { headers: { authorization: "Bearer canary-token" } });
  const told = `${JSON.stringify(proxy.events)} ${errors.join(" ")}`;
  assert.equal(errors.length, 3);
  for (const secret of ["canary", btoa("alice:canary-password")]) assert.ok(!told.includes(secret), told);
});
