import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { readAll } from "../../../bench/rig/client/read.ts";
import { connectIdle, cut, hold, release } from "../../../bench/rig/client/hold.ts";

async function serve(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** More than one read of the client's buffer. */
const BODY = Buffer.from(Array.from({ length: 700_000 }, (_, at) => at % 251));
const DIGEST = `sha256:${createHash("sha256").update(BODY).digest("hex")}`;

async function problemOf(t: TestContext, listener: RequestListener): Promise<readonly string[]> {
  const port = await serve(t, listener);
  const request = { port, path: "/blob", sizeBytes: BODY.length, digest: DIGEST };
  return (await readAll([request, request])).problems;
}

test("a body that is as it should be is no problem", async (t) => {
  assert.deepEqual(await problemOf(t, (_, response) => response.end(BODY)), []);
});

test("one wrong byte is found", async (t) => {
  const wrong = Buffer.from(BODY);
  wrong[650_000] = 252;
  assert.deepEqual(await problemOf(t, (_, response) => response.end(wrong)), [
    "/blob: wrong bytes",
    "/blob: wrong bytes",
  ]);
});

test("a body that is cut, too short, or an error's is found", async (t) => {
  const [cutOff] = await problemOf(t, (_, response) => {
    response.writeHead(200, { "content-length": BODY.length }).write(BODY.subarray(0, 1_000), () => response.destroy());
  });
  assert.match(cutOff ?? "", /closed after 1000 bytes/);
  const [short] = await problemOf(t, (_, response) => response.end("short"));
  assert.equal(short, "/blob: Content-Length 5 instead of 700000");
  const [failed] = await problemOf(t, (_, response) => response.writeHead(502).end());
  assert.equal(failed, "/blob: status 502");
});

test("what is held stays open until it is released", async (t) => {
  const open: ServerResponse[] = [];
  const port = await serve(t, (_, response) => {
    open.push(response);
    response.writeHead(200, { "content-length": BODY.length }).write("a");
  });
  const held = await hold(port, "/blob", { connections: 20, bytesPerSecond: 4 });
  await connectIdle(port, 5);
  assert.deepEqual([held.problems, open.filter(({ closed }) => !closed).length], [[], 20]);
  const closed = Promise.all(open.map((response) => once(response, "close")));
  await release();
  await closed;
});

test("who goes away in the middle has read what it should", async (t) => {
  const port = await serve(t, (_, response) => response.setHeader("connection", "close").end(BODY));
  const gone = await cut(port, "/blob", { connections: 3, afterBytes: 500_000 });
  const none = await cut(port, "/blob", { connections: 3, afterBytes: 800_000 });
  assert.deepEqual(gone.problems, []);
  assert.match(none.problems[0] ?? "", /closed after 700000 bytes/);
});
