import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Credentials } from "../../src/access/credentials.ts";
import { hashPassword, parsePasswordHash } from "../../src/access/password-hash.ts";
import { startProxy, upstreamAt, type TestProxy } from "../support/data-plane.ts";
import { responseBytes, startScriptedUpstream, type ScriptedUpstream } from "../support/scripted-upstream.ts";
import { openSocket, valueOf, wireRequest, type WireResponse } from "../support/wire-client.ts";

const MANIFEST = "/v2/library/app/manifests/latest?ns=registry.test";
const TOKEN = "canary-token-of-the-proxy";
const ALICE = basic("alice:canary-password");
const REGISTRY_CREDENTIALS = basic("registry-user:registry-password");

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

async function createCredentials(password = "canary-password", tokens = [TOKEN]): Promise<Credentials> {
  const hash = parsePasswordHash(await hashPassword(password));
  assert.ok(hash);
  return new Credentials([{ name: "alice", password: hash }], tokens);
}

interface Pair {
  readonly upstream: ScriptedUpstream;
  readonly proxy: TestProxy;
}

async function startPair(t: TestContext, listener: object = {}): Promise<Pair> {
  const upstream = await startScriptedUpstream(({ socket }) => {
    socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok"));
  });
  t.after(() => upstream.close());
  const protection = { credentials: await createCredentials() };
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(upstream.origin)],
    listener: { protection, ...listener },
    tokenRelay: { domainOf: (host) => host },
  });
  return { upstream, proxy };
}

function get({ proxy }: Pair, headers: readonly string[], path = MANIFEST, method = "GET"): Promise<WireResponse> {
  return wireRequest(proxy.port, [`${method} ${path} HTTP/1.1`, "Host: h", ...headers], method);
}

const ADMITTED = [
  { what: "a password in Proxy-Authorization", headers: [`Proxy-Authorization: ${ALICE}`], kept: undefined },
  { what: "a token in Proxy-Authorization", headers: [`Proxy-Authorization: Bearer ${TOKEN}`], kept: undefined },
  {
    what: "a password in Proxy-Authorization beside the registry's credentials",
    headers: [`Proxy-Authorization: ${ALICE}`, `Authorization: ${REGISTRY_CREDENTIALS}`],
    kept: REGISTRY_CREDENTIALS,
  },
  { what: "a password in Authorization", headers: [`Authorization: ${ALICE}`], kept: undefined },
  { what: "a token in Authorization", headers: [`Authorization: Bearer ${TOKEN}`], kept: undefined },
  {
    what: "a wrong Proxy-Authorization, but a password in Authorization",
    headers: ["Proxy-Authorization: Bearer for-another-proxy", `Authorization: ${ALICE}`],
    kept: undefined,
  },
  {
    what: "a password in both headers",
    headers: [`Proxy-Authorization: ${ALICE}`, `Authorization: ${ALICE}`],
    kept: undefined,
  },
  {
    what: "a password in one header, a token in the other",
    headers: [`Proxy-Authorization: ${ALICE}`, `Authorization: Bearer ${TOKEN}`],
    kept: undefined,
  },
] as const;

for (const { what, headers, kept } of ADMITTED) {
  test(`${what}: is admitted, and the registry sees nothing of it`, async (t) => {
    const pair = await startPair(t);
    assert.equal((await get(pair, headers)).statusLine, "HTTP/1.1 200 OK");
    const [asked] = pair.upstream.requests;
    assert.equal(valueOf(asked?.headers ?? [], "authorization"), kept);
    assert.doesNotMatch(asked?.headers.join("\n") ?? "", /proxy-authorization|canary/i);
    const { credentials } = await pair.proxy.event("started");
    assert.equal(credentials, kept === undefined ? "none" : "basic", "only the registry's count as the pull's");
  });
}

const TURNED_AWAY = [
  { what: "nothing", headers: [] },
  { what: "a wrong password", headers: [`Authorization: ${basic("alice:wrong")}`] },
  { what: "an unknown user", headers: [`Proxy-Authorization: ${basic("bob:canary-password")}`] },
  { what: "a wrong token", headers: [`Authorization: Bearer ${TOKEN}0`] },
  { what: "the registry's credentials alone", headers: [`Authorization: ${REGISTRY_CREDENTIALS}`] },
  { what: "the password in another header", headers: [`X-Authorization: ${ALICE}`] },
] as const;

for (const { what, headers } of TURNED_AWAY) {
  test(`${what}: is answered with 401, asks no registry, and is no transfer`, async (t) => {
    const pair = await startPair(t);
    const response = await get(pair, headers);
    assert.equal(response.statusLine, "HTTP/1.1 401 Unauthorized");
    const asked = response.headers.filter((_, i) => response.headers[i - 1] === "WWW-Authenticate");
    assert.deepEqual(asked, ['Basic realm="pullmeter", charset="UTF-8"', 'Bearer realm="pullmeter"']);
    assert.match(response.body.toString(), /^\{"errors":\[\{"code":"UNAUTHORIZED","message":"pullmeter: /);
    assert.doesNotMatch(response.body.toString(), /canary|registry-password/);
    assert.equal((await pair.proxy.event("refused")).reason, "unauthenticated");
    assert.equal(pair.upstream.requests.length, 0);
    assert.deepEqual(
      pair.proxy.events.map(({ type }) => type).filter((type) => type === "started" || type === "responded"),
      [],
    );
  });
}

test("a HEAD is turned away without a body, and requests for tokens are as well", async (t) => {
  const pair = await startPair(t, { tokens: "relay" });
  const head = await get(pair, [], MANIFEST, "HEAD");
  assert.deepEqual([head.statusLine, head.body.length], ["HTTP/1.1 401 Unauthorized", 0]);
  const token = await get(pair, [], "/_pullmeter/token/registry.test?scope=repository:app:pull");
  assert.match(valueOf(token.headers, "www-authenticate") ?? "", /^Basic/);
  assert.equal(pair.upstream.requests.length, 0);
});

test("a ping that names no registry is answered to who may use the listener", async (t) => {
  const pair = await startPair(t);
  assert.equal((await get(pair, [], "/v2/")).statusLine, "HTTP/1.1 401 Unauthorized");
  assert.equal((await get(pair, [`Authorization: ${ALICE}`], "/v2/")).statusLine, "HTTP/1.1 200 OK");
});

test("credentials are changed under a connection that is kept, from its next request on", async (t) => {
  const pair = await startPair(t);
  const socket = await openSocket(pair.proxy.port);
  t.after(() => socket.destroy());
  const ask = async (): Promise<string> => {
    socket.write(`GET ${MANIFEST} HTTP/1.1\r\nHost: h\r\nAuthorization: ${ALICE}\r\n\r\n`);
    let read = "";
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      read += String(chunk);
      const [head = "", body] = read.split("\r\n\r\n");
      if (body?.length === Number(/content-length: (\d+)/i.exec(head)?.[1])) break;
    }
    return read.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length);
  };
  assert.equal(await ask(), "200");
  pair.proxy.protect("test", { credentials: await createCredentials("another password") });
  assert.equal(await ask(), "401");
  pair.proxy.protect("test", { credentials: await createCredentials() });
  assert.equal(await ask(), "200");
});
