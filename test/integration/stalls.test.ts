import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { startProxy, upstreamAt } from "../support/data-plane.ts";
import { startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { openSocket, wireRequest } from "../support/wire-client.ts";

const BLOB = `/v2/library/app/blobs/sha256:${"d".repeat(64)}`;

/** A clock that a test turns forward. */
function turnableClock() {
  let aheadMs = 0;
  return {
    now: () => performance.timeOrigin + performance.now() + aheadMs,
    turn: (ms: number) => void (aheadMs += ms),
  };
}

test("an upstream that is silent in the middle of a body is a stall of the upstream's", async (t) => {
  const clock = turnableClock();
  const upstream = await startScriptedUpstream(({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
  });
  t.after(() => upstream.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(upstream.origin)],
    listener: { registry: "registry.test" },
    now: clock.now,
  });
  const client = await openSocket(proxy.port);
  client.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\n\r\n`);
  let read = "";
  while (!read.endsWith("12345")) read += String((await once(client, "data"))[0]);
  clock.turn(6_000);
  for (const socket of upstream.sockets) socket.write("67890");
  const { waits, bytes } = await proxy.event("finished");
  assert.equal(bytes, 10);
  assert.deepEqual([waits?.upstreamStalls, waits?.clientStalls], [1, 0]);
  assert.ok((waits?.upstreamMs ?? 0) >= 6_000 && (waits?.clientMs ?? 0) < 1_000, JSON.stringify(waits));
  client.destroy();
});

/** Writes `bytes` as fast as they are taken. */
function send({ socket }: WireRequest, bytes: number, onBlocked: () => void): void {
  const chunk = Buffer.alloc(64 * 1024);
  let left = bytes;
  const write = (): void => {
    while (left > 0) {
      left -= chunk.length;
      if (!socket.write(chunk)) break;
    }
    onBlocked();
  };
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
  socket.on("drain", write);
  write();
}

test("a client that does not read is no stall of the upstream's, and ends no transfer however long it pauses", async (t) => {
  const clock = turnableClock();
  // More than the buffers of four loopback sockets take.
  const total = 64 * 1024 * 1024;
  let blocked: (() => void) | undefined;
  const upstream = await startScriptedUpstream((request) => send(request, total, () => blocked?.()));
  t.after(() => upstream.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(upstream.origin)],
    listener: { registry: "registry.test" },
    // Far below the pause that follows.
    settings: { stallTimeoutMs: 150 },
    now: clock.now,
  });
  const client = await openSocket(proxy.port);
  client.pause();
  client.write(`GET ${BLOB} HTTP/1.1\r\nHost: h\r\n\r\n`);
  await upstream.until(() => upstream.requests.length === 1);
  // Blocked for good is seen only by nothing happening: no more is taken for 600 ms, four times what would be a stall.
  await new Promise<void>((resolve) => {
    let timer = setTimeout(resolve, 600);
    blocked = () => {
      clearTimeout(timer);
      timer = setTimeout(resolve, 600);
    };
  });
  clock.turn(60_000);
  client.resume();
  const { waits, bytes } = await proxy.event("finished");
  assert.equal(bytes, total);
  assert.deepEqual([waits?.upstreamStalls, waits?.clientStalls], [0, 1]);
  assert.ok((waits?.clientMs ?? 0) >= 60_000 && (waits?.upstreamMs ?? 0) < 5_000, JSON.stringify(waits));
  client.destroy();
});

test("what the proxy answers itself waits for nobody", async (t) => {
  const proxy = await startProxy(t, { upstreams: [] });
  await wireRequest(proxy.port, ["GET /v2/nowhere.test/a/manifests/v1 HTTP/1.1", "Host: h"]);
  assert.equal((await proxy.event("finished")).waits, undefined);
});
