import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type RequestListener } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { ByRegistryName } from "../../../bench/truth/attribution.ts";
import { Tap, TapLog, type Attribution } from "../../../bench/truth/tap.ts";

interface Tapped {
  readonly port: number;
  readonly log: TapLog;
  /** Connections that reached the proxy's side. */
  readonly accepted: Socket[];
}

async function startTap(t: TestContext, serve: RequestListener, attribution: Attribution = {}): Promise<Tapped> {
  const accepted: Socket[] = [];
  const proxy = createServer(serve);
  proxy.on("connection", (socket) => accepted.push(socket));
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const log = new TapLog();
  const tap = new Tap({ listener: "main", proxyPort: (proxy.address() as AddressInfo).port, attribution, log });
  const port = await tap.listen();
  t.after(async () => {
    await tap.close();
    proxy.closeAllConnections();
    proxy.close();
  });
  return { port, log, accepted };
}

async function get(port: number, path: string): Promise<{ response: IncomingMessage; body: string }> {
  const sent = request({ port, host: "127.0.0.1", path }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of response) body += String(chunk);
  return { response, body };
}

test("a response passes as it is, and the log tells its size and status", async (t) => {
  const { port, log } = await startTap(t, (_request, response) =>
    response.writeHead(203, { "X-Mixed": "a" }).end("hello"),
  );
  const { response, body } = await get(port, "/v2/lib/app/manifests/v1");
  assert.deepEqual([response.statusCode, response.headers["x-mixed"], body], [203, "a", "hello"]);
  const [exchange] = log.exchanges;
  assert.deepEqual(
    [exchange?.method, exchange?.url, exchange?.status, exchange?.bytes],
    ["GET", "/v2/lib/app/manifests/v1", 203, 5],
  );
  assert.equal(exchange?.body, "hello");
  assert.ok((exchange?.startMs ?? 0) <= (exchange?.headMs ?? 0) && (exchange?.headMs ?? 0) <= (exchange?.endMs ?? 0));
});

test("an alias of a registry never reaches the proxy", async (t) => {
  const urls: (string | undefined)[] = [];
  const serve: RequestListener = (incoming, response) => {
    urls.push(incoming.url);
    response.end();
  };
  const { port, log } = await startTap(t, serve, new ByRegistryName());
  await get(port, "/v2/a/manifests/v1?ns=p5.registry.example");
  assert.deepEqual(urls, ["/v2/a/manifests/v1?ns=registry.example"]);
  assert.equal(log.exchanges[0]?.pull, 5);
});

test("each connection of a client is one connection to the proxy", async (t) => {
  const { port, accepted, log } = await startTap(t, (_request, response) => response.end("x"));
  await Promise.all([get(port, "/v2/"), get(port, "/v2/"), get(port, "/v2/")]);
  assert.equal(accepted.length, 3);
  assert.equal(new Set(log.exchanges.map(({ connection }) => connection)).size, 3);
});

test("when a client goes away the proxy's side is closed too, and the exchange was aborted by the client", async (t) => {
  const { port, accepted, log } = await startTap(
    t,
    (_request, response) => void response.writeHead(200, { "content-length": 100 }).write("some"),
  );
  const client = connect(port, "127.0.0.1");
  client.write("GET /v2/lib/app/blobs/x HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(client, "data");
  const closed = once(accepted[0]!, "close");
  client.destroy();
  await closed;
  const [exchange] = log.exchanges;
  assert.deepEqual(
    [exchange?.aborted, exchange?.bytes, log.connections[0]?.closedMs !== undefined],
    ["client", 4, true],
  );
});

test("when the proxy cuts a response the client's connection is closed too", async (t) => {
  const { port, log } = await startTap(t, (_request, response) => {
    response.writeHead(200, { "content-length": 100 }).write("some", () => response.destroy());
  });
  const client = connect(port, "127.0.0.1");
  client.on("error", () => {});
  client.resume();
  client.write("GET /v2/lib/app/blobs/x HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(client, "close");
  assert.equal(log.exchanges[0]?.aborted, "proxy");
});

test("TLS on the plain port is relayed, noted, and no exchange", async (t) => {
  const { port, log } = await startTap(t, (_request, response) => response.end());
  const client = connect(port, "127.0.0.1");
  client.on("error", () => {});
  client.resume();
  client.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 1, 2, 3, 4, 5]));
  await once(client, "close");
  assert.deepEqual([log.exchanges.length, log.connections[0]?.tlsMs !== undefined], [0, true]);
});
