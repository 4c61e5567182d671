import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { startProxy, upstreamAt } from "../support/data-plane.ts";
import { startScriptedUpstream } from "../support/scripted-upstream.ts";
import { wireRequest } from "../support/wire-client.ts";

const DIGEST = createHash("sha256").update("hello").digest("hex");
const BLOB = `/v2/library/app/blobs/sha256:${DIGEST}`;

const odd = {
  "HTTP/1.0": "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "a body that ends with the connection": "HTTP/1.1 200 OK\r\n\r\nhello",
  "the same length twice": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
};
for (const [name, answer] of Object.entries(odd)) {
  test(`an answer of an odd kind reaches the client, or is refused, as undici decides: ${name}`, async (t) => {
    const upstream = await startScriptedUpstream(({ socket }) => socket.end(answer));
    t.after(() => upstream.close());
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt(upstream.origin)],
      listener: { registry: "registry.test" },
    });
    const ask = () => wireRequest(proxy.port, [`GET ${BLOB} HTTP/1.1`, "Host: h"]);
    const first = await ask();
    const isRefused = name === "the same length twice";
    assert.equal(first.statusLine.split(" ")[1], isRefused ? "502" : "200");
    if (!isRefused) assert.deepEqual([String(first.body), first.complete], ["hello", true]);
    // It is one exchange to those who watch, though it was asked for twice; and from then on it is asked for once.
    const exchanged = () => proxy.events.filter(({ type }) => type === "upstream-exchanged").length;
    const attempts = isRefused ? 4 : 1;
    assert.deepEqual([upstream.requests.length, exchanged()], [attempts + 1, attempts]);
    await ask();
    assert.deepEqual([upstream.requests.length, exchanged()], [2 * attempts + 1, 2 * attempts]);
  });
}
