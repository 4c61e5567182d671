import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test, type TestContext } from "node:test";
import type { ProxySettings } from "../../src/proxy/proxy.ts";
import { startProxy, upstreamAt, type TestProxy } from "../support/data-plane.ts";
import { responseBytes, startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { openSocket, parseResponse, readAll, valueOf, type WireResponse } from "../support/wire-client.ts";

const MANIFEST = "/v2/library/app/manifests/latest?ns=registry.test";

/** An upstream that answers when the test says so. */
async function startHeld(t: TestContext, settings: Partial<ProxySettings>, listener: object = {}) {
  const held: WireRequest[] = [];
  const upstream = await startScriptedUpstream((request) => held.push(request));
  t.after(() => upstream.close());
  const proxy = await startProxy(t, { upstreams: [upstreamAt(upstream.origin)], settings, listener });
  const answerAll = (): void => {
    for (const { socket } of held.splice(0)) {
      socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok"));
    }
  };
  return { proxy, upstream, answerAll };
}

async function open(t: TestContext, proxy: TestProxy): Promise<Socket> {
  const socket = await openSocket(proxy.port);
  t.after(() => socket.destroy());
  return socket;
}

function ask(socket: Socket, path = MANIFEST): void {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
}

function isTurnedAway({ statusLine, headers, body }: WireResponse): void {
  assert.equal(statusLine, "HTTP/1.1 503 Service Unavailable");
  assert.equal(valueOf(headers, "retry-after"), "5");
  assert.match(body.toString(), /"code":"UNAVAILABLE","message":"pullmeter: .*limits\./);
}

async function readResponse(socket: Socket): Promise<WireResponse> {
  let read = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    read = Buffer.concat([read, chunk as Buffer]);
    const response = parseResponse(read);
    if (read.includes("\r\n\r\n") && response.complete) return response;
  }
  return parseResponse(read);
}

test("a request beyond limits.transfers gets a 503 at once, on a connection that it may use again", async (t) => {
  const { proxy, upstream, answerAll } = await startHeld(t, { maxTransfers: 2 });
  const [one, two, three] = [await open(t, proxy), await open(t, proxy), await open(t, proxy)];
  ask(one);
  ask(two);
  await upstream.until(() => upstream.requests.length === 2);
  ask(three);
  isTurnedAway(await readResponse(three));
  assert.equal((await proxy.event("refused")).reason, "overloaded");
  assert.equal(upstream.requests.length, 2);
  assert.equal((await proxy.event("responded")).failure, "refused");

  answerAll();
  assert.match((await readResponse(one)).statusLine, / 200 /);
  assert.match((await readResponse(two)).statusLine, / 200 /);
  ask(three);
  await upstream.until(() => upstream.requests.length === 3);
  answerAll();
  assert.match((await readResponse(three)).statusLine, / 200 /);
});

test("a connection beyond limits.connections takes the place of the one that is idle longest", async (t) => {
  const { proxy, upstream, answerAll } = await startHeld(t, { maxConnections: 2 });
  const [first, second] = [await open(t, proxy), await open(t, proxy)];
  for (const [index, socket] of [first, second, first].entries()) {
    ask(socket);
    await upstream.until(() => upstream.requests.length === index + 1);
    answerAll();
    await readResponse(socket);
  }
  const closed = once(second, "close");
  const third = await open(t, proxy);
  second.resume();
  await closed;
  for (const socket of [first, third]) ask(socket);
  await upstream.until(() => upstream.requests.length === 5);
  answerAll();
  assert.match((await readResponse(first)).statusLine, / 200 /);
  assert.match((await readResponse(third)).statusLine, / 200 /);
  assert.equal(proxy.events.filter(({ type }) => type === "refused").length, 0);
});

for (const scheme of ["http", "https"] as const) {
  test(`a connection that finds no place is told so when it asks, and closed (${scheme})`, async (t) => {
    const tls = { cert: TEST_TLS.cert, key: TEST_TLS.key };
    const listener = scheme === "https" ? { protection: { tls } } : {};
    const { proxy, upstream } = await startHeld(t, { maxConnections: 1 }, listener);
    const connect = async (): Promise<Socket> => {
      if (scheme === "http") return open(t, proxy);
      const { connect: connectTls } = await import("node:tls");
      const socket = connectTls({ port: proxy.port, host: "127.0.0.1", ca: TEST_TLS.ca });
      t.after(() => socket.destroy());
      await once(socket, "secureConnect");
      return socket;
    };
    const busy = await connect();
    ask(busy);
    await upstream.until(() => upstream.requests.length === 1);
    for (let i = 0; i < 3; i += 1) {
      const surplus = await connect();
      ask(surplus);
      const response = parseResponse(await readAll(surplus));
      isTurnedAway(response);
      assert.equal(valueOf(response.headers, "connection"), "close");
    }
    assert.equal(proxy.events.filter(({ type }) => type === "refused").length, 3);
    assert.equal(upstream.requests.length, 1);
  });
}

test("a surplus connection that asks nothing is cut off like any other", async (t) => {
  const { proxy } = await startHeld(t, { maxConnections: 1, clientHeadTimeoutMs: 200 });
  const sockets = [await open(t, proxy), await open(t, proxy)];
  await Promise.all(sockets.map(readAll));
  for (const id of [1, 2]) await proxy.event("connection-closed", ({ connection }) => connection === id);
});

test("a thousand connections too many are told so, and what comes beyond them is closed and counted", async (t) => {
  const { proxy, upstream } = await startHeld(t, { maxConnections: 1 });
  const busy = await open(t, proxy);
  ask(busy);
  await upstream.until(() => upstream.requests.length === 1);
  const surplus = await Promise.all(Array.from({ length: 1_000 }, () => open(t, proxy)));
  const closed = await open(t, proxy);
  assert.equal((await readAll(closed)).length, 0);
  assert.equal((await proxy.event("refused")).reason, "overloaded");
  const [last] = surplus.slice(-1);
  assert.ok(last);
  ask(last);
  isTurnedAway(parseResponse(await readAll(last)));
});
