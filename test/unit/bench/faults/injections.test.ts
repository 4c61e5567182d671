import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { CellRegistry } from "../../../../bench/faults/cell-registry.ts";
import { makeCells, nameOf } from "../../../../bench/faults/cells.ts";
import { makeImage, REPOSITORY } from "../../../../bench/faults/image.ts";

const IMAGE = makeImage("injections");
const LAYER = `/v2/${REPOSITORY}/blobs/${IMAGE.layers[0]!.digest}`;

async function startRegistry(t: TestContext, name: string): Promise<CellRegistry> {
  const cell = makeCells(1).find((one) => nameOf(one) === name);
  assert.ok(cell, name);
  const registry = new CellRegistry({ ...cell, secure: false, redirected: false }, () => IMAGE, "ping");
  await registry.listen();
  t.after(async () => registry.close());
  return registry;
}

interface Answered {
  readonly head: string;
  readonly body: Buffer;
  readonly error: string | undefined;
}

/** Sends one request and reads until the connection ends. */
async function ask(registry: CellRegistry, path: string, ...headers: string[]): Promise<Answered> {
  const socket = connectTcp(Number(new URL(registry.origin).port), "127.0.0.1");
  socket.write([`GET ${path} HTTP/1.1`, "Host: x", ...headers, "", ""].join("\r\n"));
  return readAll(socket);
}

async function readAll(socket: Socket): Promise<Answered> {
  const chunks: Buffer[] = [];
  let error: string | undefined;
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", ({ code }: NodeJS.ErrnoException) => (error = code));
  await new Promise((resolve) => {
    socket.on("close", resolve);
  });
  const all = Buffer.concat(chunks);
  const end = all.indexOf("\r\n\r\n");
  return { head: all.subarray(0, Math.max(0, end)).toString(), body: all.subarray(end + 4), error };
}

test("a reset in the body gives a part of it, then RST", async (t) => {
  const registry = await startRegistry(t, "reset at byte k, layer, once");
  const { head, body, error } = await ask(registry, LAYER);
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(body.length < IMAGE.layers[0]!.size);
  assert.equal(error, "ECONNRESET");
  assert.equal(registry.happened, 1);
});

test("a short body ends cleanly before its length", async (t) => {
  const registry = await startRegistry(t, "short body, layer, once");
  const { body, error } = await ask(registry, LAYER);
  assert.ok(body.length > 0 && body.length < IMAGE.layers[0]!.size);
  assert.equal(error, undefined);
});

test("a fault of resuming cuts the body first, and answers the rest wrong", async (t) => {
  const registry = await startRegistry(t, "206 from another offset, layer, once");
  assert.equal((await ask(registry, LAYER)).error, "ECONNRESET");
  assert.equal(registry.happened, 0);
  const socket = connectTcp(Number(new URL(registry.origin).port), "127.0.0.1");
  socket.write(`GET ${LAYER} HTTP/1.1\r\nHost: x\r\nRange: bytes=5000-\r\n\r\n`);
  const [first] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  assert.match(first.toString("latin1"), /^HTTP\/1\.1 206 Partial Content\r\n[^]*Content-Range: bytes 4000-/);
  assert.equal(registry.happened, 1);
});

test("a name that does not resolve fails in its phase alone, and as often as it shall", async (t) => {
  const registry = await startRegistry(t, "NXDOMAIN, resolve, twice");
  assert.equal(registry.addressOf(registry.host), "127.0.0.1");
  await ask(registry, "/v2/");
  assert.equal(registry.addressOf(registry.host), "ENOTFOUND");
  assert.equal(registry.addressOf(registry.host), "ENOTFOUND");
  assert.equal(registry.addressOf(registry.host), "127.0.0.1");
});
