import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { startProxy, upstreamAt } from "../support/data-plane.ts";
import { responseBytes, startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { wireRequest } from "../support/wire-client.ts";

const REQUEST = ["GET /v2/library/app/manifests/latest?ns=registry.test HTTP/1.1", "Host: h"];

function ok({ socket }: WireRequest): void {
  socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok"));
}

async function startPair(t: TestContext, before: Partial<Upstream>) {
  const upstream = await startScriptedUpstream(ok, { tls: TEST_TLS });
  t.after(() => upstream.close());
  const proxy = await startProxy(t, { upstreams: [upstreamAt(upstream.origin, before)] });
  const ask = async (): Promise<string> => (await wireRequest(proxy.port, REQUEST)).statusLine;
  const reload = (after: Partial<Upstream>): void =>
    proxy.reload({ listeners: [], findUpstream: () => upstreamAt(upstream.origin, after) });
  return { upstream, ask, reload };
}

test("a connection that was opened under old rules serves no request of new ones, and is closed", async (t) => {
  const { upstream, ask, reload } = await startPair(t, { ca: TEST_TLS.ca });
  assert.equal(await ask(), "HTTP/1.1 200 OK");
  assert.equal(await ask(), "HTTP/1.1 200 OK");
  assert.equal(upstream.connections, 1);
  reload({ ca: TEST_TLS.ca, allowPrivateAddresses: false });
  await upstream.until(() => upstream.sockets.size === 0);
  assert.equal(await ask(), "HTTP/1.1 403 Forbidden");
  reload({});
  assert.equal(await ask(), "HTTP/1.1 502 Bad Gateway");
  reload({ ca: TEST_TLS.ca });
  assert.equal(await ask(), "HTTP/1.1 200 OK");
  assert.equal(upstream.requests.length, 3);
});

test("a token that the proxy made opens the registry after a reload too, also when tokens are relayed no more", async (t) => {
  const upstream = await startScriptedUpstream(ok);
  t.after(() => upstream.close());
  const rules = { listeners: [], findUpstream: () => upstreamAt(upstream.origin, { tokens: "relay" }) } as const;
  const tokenRelay = { domainOf: () => undefined };
  const proxy = await startProxy(t, { upstreams: [] });
  const ask = async (path: string, authorization: string) => {
    const head = [`GET ${path} HTTP/1.1`, "Host: registry.test", `Authorization: ${authorization}`];
    return wireRequest(proxy.port, head);
  };
  proxy.reload({ ...rules, tokenRelay });
  const answer = await ask("/_pullmeter/token/registry.test", "Basic YWxpY2U6c2VjcmV0");
  const { token } = JSON.parse(answer.body.toString()) as { token: string };
  proxy.reload({ ...rules, findUpstream: () => upstreamAt(upstream.origin) });
  assert.equal(
    (await ask("/v2/library/app/manifests/latest?ns=registry.test", `Bearer ${token}`)).body.toString(),
    "ok",
  );
  assert.doesNotMatch(String(upstream.requests.at(-1)?.headers), /pullmeter/);
});

test("a host that was given up as unreachable is asked again after a reload, and told to be so", async (t) => {
  const upstream = await startScriptedUpstream(ok);
  t.after(() => upstream.close());
  const proxy = await startProxy(t, { upstreams: [upstreamAt("http://127.0.0.1:1")] });
  for (let times = 0; times < 5; times += 1) await wireRequest(proxy.port, REQUEST);
  await proxy.event("circuit-changed", ({ state }) => state === "open");
  proxy.reload({ listeners: [], findUpstream: () => upstreamAt(upstream.origin) });
  await proxy.event("circuit-changed", ({ state, host }) => state === "closed" && host === "127.0.0.1:1");
  assert.equal((await wireRequest(proxy.port, REQUEST)).statusLine, "HTTP/1.1 200 OK");
});
