import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { PlainResponse } from "../../src/proxy/plain-response.ts";
import { openSocket, parseResponse, readAll } from "../support/wire-client.ts";

const REQUEST = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders: [], isLast: false };

/** Both ends of one connection; the server's is written to. */
async function startPair(t: TestContext): Promise<{ readonly client: Socket; readonly socket: Socket }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const client = await openSocket((server.address() as AddressInfo).port);
  const [socket] = (await accepted) as [Socket];
  socket.on("error", () => {});
  t.after(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return { client, socket };
}

function respondOn(socket: Socket): PlainResponse {
  return new PlainResponse({ socket, request: REQUEST, keepAliveSeconds: 5, onEnd: () => {} });
}

for (const [length, last] of [
  ["4", "body"],
  ["0", undefined],
] as const) {
  test(`a response of ${length} bytes that is written to a closed connection was taken by nobody`, async (t) => {
    const { socket } = await startPair(t);
    const response = respondOn(socket);
    response.writeHead(200, "OK", ["Content-Length", length], false);
    if (last === undefined) response.write(Buffer.alloc(0));
    let taken = 0;
    socket.destroy();
    response.end(last, () => (taken += 1));
    await once(socket, "close");
    await turn();
    assert.equal(taken, 0);
  });
}

test("a body without a length goes out in chunks, and is taken when the kernel has it", async (t) => {
  const { client, socket } = await startPair(t);
  const response = respondOn(socket);
  response.writeHead(200, "OK", ["X-A", "caf\u00e9"], true);
  await new Promise<void>((resolve) => response.write(Buffer.alloc(5_000, "x"), resolve));
  response.write(Buffer.from("small"));
  await new Promise<void>((resolve) => response.end(undefined, resolve));
  const read = readAll(client);
  socket.end();
  const { headers, body, complete } = parseResponse(await read);
  assert.deepEqual(headers, ["X-A", "caf\u00e9", "Transfer-Encoding", "chunked", "Connection", "close"]);
  assert.equal(body.toString(), `${"x".repeat(5_000)}small`);
  assert.ok(complete);
});

for (const [name, headers] of [
  ["a line break in a value", ["X-A", "a\r\nX-B: b"]],
  ["a space in a name", ["X A", "a"]],
  ["a letter beyond ISO-8859-1", ["X-A", "\u20ac"]],
] as const) {
  test(`a head with ${name} is not written, and another can be`, async (t) => {
    const { socket } = await startPair(t);
    const response = respondOn(socket);
    assert.throws(() => response.writeHead(200, "OK", headers, false), /cannot be written/);
    assert.equal(response.headersSent, false);
    response.writeHead(502, "Bad Gateway", ["Content-Length", "0"], false);
    assert.equal(response.headersSent, true);
  });
}
