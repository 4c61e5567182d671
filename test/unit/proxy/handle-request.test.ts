import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { NodeResponse } from "../../../src/proxy/client-response.ts";
import { Connection } from "../../../src/proxy/connection.ts";
import { handleRequest, type DataPlane } from "../../../src/proxy/handle-request.ts";
import type { TransferEvent } from "../../../src/pull/transfer-event.ts";
import type { UpstreamResponse } from "../../../src/upstream/exchange.ts";
import { HeaderNames } from "../../../src/upstream/raw-headers.ts";
import { upstreamAt } from "../../support/data-plane.ts";

// Parsers refuse such heads already. Whatever parses one day: a head that cannot be passed on is a 502, and its body
// is let go.
const HEADS: Readonly<Record<string, readonly string[]>> = {
  "a control character": ["X-Bad", "a\u0001b", "Content-Length", "2"],
  "a header name that is none": ["X Bad", "1", "Content-Length", "2"],
  "two lengths": ["Content-Length", "2", "Content-Length", "2"],
  "length and chunks": ["Content-Length", "2", "Transfer-Encoding", "chunked"],
};

for (const [name, headers] of Object.entries(HEADS)) {
  test(`a response with ${name} is a 502, and its body is discarded`, async (t) => {
    let discarded = 0;
    const body = { deliver: () => Promise.resolve(), resume: () => {}, discard: () => (discarded += 1) };
    const result = { status: 200, statusText: "OK", headers, host: "h", body } as unknown as UpstreamResponse;
    const events: TransferEvent[] = [];
    const plane = {
      findUpstream: () => upstreamAt("https://registry.test"),
      client: { fetch: () => Promise.resolve(result) },
      observe: (event: TransferEvent) => events.push(event),
      now: () => 0,
      labelHeaders: { isolation: "x-i", trigger: "x-t" },
      takenHeaders: new HeaderNames([]),
      nextTransferId: () => 1,
      draining: () => undefined,
      isOverloaded: () => false,
    } as unknown as DataPlane;
    const listener = { name: "test", host: "", port: 0, registry: "registry.test", allowPush: false } as const;
    const server = createServer((request, response) => {
      const connection = new Connection({
        id: 1,
        port: { listener: { ...listener, peerIdentity: "none" }, credentials: undefined },
        socket: request.socket,
        load: { transfers: 0, lastEndMs: 0 },
        isSurplus: false,
      });
      void handleRequest(plane, { request, response: new NodeResponse(response), connection });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/v2/app/manifests/latest`);
    assert.equal(response.status, 502);
    assert.match(await response.text(), /UNAVAILABLE.*malformed/);
    assert.equal(discarded, 1);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["started", "responded", "finished"],
    );
  });
}
