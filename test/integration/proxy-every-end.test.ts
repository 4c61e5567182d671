import assert from "node:assert/strict";
import { test } from "node:test";
import { startProxy, upstreamAt } from "../support/data-plane.ts";
import { startScriptedUpstream } from "../support/scripted-upstream.ts";
import { openSocket, parseResponse, readAll } from "../support/wire-client.ts";

const DIGEST = `sha256:${"d".repeat(64)}`;
const PATHS = ["/v2/app/tags/list", `/v2/app/blobs/${DIGEST}`, "/v2/app/manifests/latest", "/v2/app/blobs/uploads/1"];

/** What an upstream sends; then it closes. */
const SENT = [
  "",
  "HTTP/1.1",
  "HTTP/1.1 200 OK\r\nContent-Le",
  "HTTP/1.1 200 OK\r\n\r\n",
  "HTTP/1.1 200 OK\r\n\r\nabc",
  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef",
  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc",
  "HTTP/1.1 404 N\r\nConnection: close\r\n\r\nabc",
  "HTTP/1.0 200 OK\r\n\r\nabc",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nmore",
  "HTTP/1.1 204 No Content\r\n\r\nabc",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc",
  "HTTP/1.1 100 Continue\r\n\r\n",
];

for (const method of ["GET", "HEAD"]) {
  for (const path of PATHS) {
    test(`${method} ${path} ends once its upstream closed, whatever came before`, { timeout: 30_000 }, async (t) => {
      for (const sent of SENT) {
        const upstream = await startScriptedUpstream(({ socket }) => socket.end(sent, "latin1"));
        t.after(() => upstream.close());
        const listener = { registry: "registry.test", allowPush: true };
        const proxy = await startProxy(t, {
          upstreams: [upstreamAt(upstream.origin)],
          listener,
          settings: { answerTimeoutMs: 300, resumeTimeoutMs: 50 },
        });
        const socket = await openSocket(proxy.port);
        socket.resume().write(`${method} ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
        const ended = await Promise.race([proxy.event("finished"), proxy.event("failed")]);
        assert.ok(ended.bytes <= 300, `${ended.bytes} bytes of ${JSON.stringify(sent)}`);
        socket.destroy();
        await proxy.drain(60_000);
      }
    });
  }
}

for (const connection of ["close", "keep-alive"]) {
  test(
    `a body that an upstream sends for HEAD goes nowhere: Connection: ${connection}`,
    { timeout: 10_000 },
    async (t) => {
      const head = `HTTP/1.1 404 N\r\nContent-Length: 3\r\nConnection: ${connection}\r\n\r\nabc`;
      const upstream = await startScriptedUpstream(({ socket }) => socket.write(head));
      t.after(() => upstream.close());
      const proxy = await startProxy(t, {
        upstreams: [upstreamAt(upstream.origin)],
        listener: { registry: "registry.test" },
      });
      const socket = await openSocket(proxy.port);
      socket.write("HEAD /v2/app/tags/list HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
      const response = parseResponse(await readAll(socket), "HEAD");
      assert.equal(response.statusLine, "HTTP/1.1 404 N");
      assert.ok(response.complete, "nothing behind the head");
      await proxy.event("finished");
    },
  );
}
