import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { PullsUnderWay } from "../../src/proxy/draining.ts";
import { startProxy, upstreamAt } from "../support/data-plane.ts";
import { startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { openSocket, parseResponse, readAll, wireRequest } from "../support/wire-client.ts";

const NS = "?ns=registry.test";
const MANIFEST = `/v2/library/app/manifests/latest${NS}`;
const BLOB = `/v2/library/app/blobs/sha256:${"d".repeat(64)}${NS}`;

/** An upstream that holds every response back half-way until `finish`. */
async function startHeld(t: TestContext) {
  const held: WireRequest[] = [];
  const upstream = await startScriptedUpstream((request) => {
    request.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
    held.push(request);
  });
  t.after(() => upstream.close());
  const proxy = await startProxy(t, { upstreams: [upstreamAt(upstream.origin)] });
  const finish = (): void => {
    for (const { socket } of held.splice(0)) socket.write("67890");
  };
  return { upstream, proxy, finish };
}

/** Pulls of library/app until `end`. */
function underWay(): PullsUnderWay & { end(): void } {
  let isAny = true;
  return {
    quietMs: 0,
    isAny: () => isAny,
    isOf: (registry, repository) => isAny && `${registry}/${repository}` === "registry.test/library/app",
    end: () => (isAny = false),
  };
}

test("draining lets transfers finish, then closes every connection and listens no more", async (t) => {
  const { proxy, finish } = await startHeld(t);
  const idle = await openSocket(proxy.port);
  const response = wireRequest(proxy.port, [`GET ${BLOB} HTTP/1.1`, "Host: h"]);
  await proxy.event("responded");
  const drained = proxy.drain(60_000);
  finish();
  assert.equal((await response).body.toString(), "first67890");
  await Promise.all([drained, readAll(idle)]);
  await assert.rejects(openSocket(proxy.port));
  assert.equal(proxy.events.filter(({ type }) => type === "failed").length, 0);
  const opened = proxy.events.filter(({ type }) => type === "connection-opened").length;
  assert.equal(proxy.events.filter(({ type }) => type === "connection-closed").length, opened);
});

test("while a pull is under way, draining serves the new connections that it opens, and leaves the idle ones alone", async (t) => {
  const { proxy, upstream, finish } = await startHeld(t);
  const pulls = underWay();
  const kept = await openSocket(proxy.port);
  const drained = proxy.drain(60_000, pulls);
  for (const path of [MANIFEST, BLOB]) {
    const response = wireRequest(proxy.port, [`GET ${path} HTTP/1.1`, "Host: h"]);
    const { length } = upstream.requests;
    await upstream.until(() => upstream.requests.length > length);
    finish();
    assert.equal((await response).body.toString(), "first67890");
  }
  const response = readAll(kept);
  kept.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await upstream.until(() => upstream.requests.length === 3);
  finish();
  await proxy.event("finished", ({ transfer }) => transfer === 3);
  pulls.end();
  await drained;
  assert.equal(parseResponse(await response).body.toString(), "first67890");
});

test("what belongs to no pull under way is a 503 while draining that counts as shutdown; but a blob is served where no manifest was refused", async (t) => {
  const { proxy, upstream, finish } = await startHeld(t);
  const pulls = underWay();
  const drained = proxy.drain(60_000, pulls);
  for (const path of [MANIFEST, BLOB]) {
    const other = path.replace("library/app", "library/other");
    const response = await wireRequest(proxy.port, [`GET ${other} HTTP/1.1`, "Host: h"]);
    assert.equal(response.statusLine, "HTTP/1.1 503 Service Unavailable");
    assert.match(response.body.toString(), /UNAVAILABLE.*takes no new pulls/);
  }
  assert.equal((await proxy.event("responded")).failure, "shutdown");
  assert.equal((await proxy.event("refused")).reason, "draining");
  assert.equal(upstream.requests.length, 0);
  const elsewhere = BLOB.replace("library/app", "library/settled");
  const blob = wireRequest(proxy.port, [`GET ${elsewhere} HTTP/1.1`, "Host: h"]);
  await upstream.until(() => upstream.requests.length === 1);
  finish();
  assert.equal((await blob).body.toString(), "first67890");
  pulls.end();
  await drained;
});

test("what runs longer than draining may last is cut, and fails with the shutdown", async (t) => {
  const { proxy, upstream } = await startHeld(t);
  const response = wireRequest(proxy.port, [`GET ${BLOB} HTTP/1.1`, "Host: h"]);
  await proxy.event("responded");
  await proxy.drain(50);
  assert.equal((await response).complete, false);
  assert.equal((await proxy.event("failed")).failure, "shutdown");
  await upstream.until(() => upstream.sockets.size === 0);
});

test("a pull that asks for nothing holds draining up, but not for longer than it may last", async (t) => {
  const { proxy } = await startHeld(t);
  await proxy.drain(50, underWay());
  await assert.rejects(openSocket(proxy.port));
});
