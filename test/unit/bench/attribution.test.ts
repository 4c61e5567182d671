import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { aliasOf, ByProcess, ByRegistryName, ByTraceparent, traceparentOf } from "../../../bench/truth/attribution.ts";
import type { MessageHead } from "../../../bench/truth/http-framing.ts";

function headWith(headers: [string, string][], target = "/v2/a/manifests/v1"): MessageHead {
  return { startLine: `GET ${target} HTTP/1.1`, headers };
}

test("a traceparent names its pull and is taken off, unless it is to be kept", () => {
  const head = headWith([
    ["Host", "a"],
    ["Traceparent", traceparentOf(4711)],
  ]);
  assert.deepEqual(new ByTraceparent({ keep: false }).ofRequest(head), {
    pull: 4711,
    forward: headWith([["Host", "a"]]),
  });
  assert.deepEqual(new ByTraceparent({ keep: true }).ofRequest(head), { pull: 4711, forward: head });
});

test("a trace of somebody else names no pull", () => {
  const head = headWith([["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]]);
  assert.equal(new ByTraceparent({ keep: false }).ofRequest(head).pull, undefined);
});

test("traceparents are well-formed and differ", () => {
  assert.match(traceparentOf(1), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.notEqual(traceparentOf(1), traceparentOf(16));
});

test("an alias of a registry names its pull, and the proxy sees the registry's own name", () => {
  const head = headWith([], `/v2/a/manifests/v1?ns=${encodeURIComponent(aliasOf(12, "registry.example:5443"))}`);
  const { pull, forward } = new ByRegistryName().ofRequest(head);
  assert.equal(pull, 12);
  assert.equal(forward.startLine, "GET /v2/a/manifests/v1?ns=registry.example%3A5443 HTTP/1.1");
});

test("a registry's own name names no pull", () => {
  const head = headWith([], "/v2/a/manifests/v1?ns=registry.example");
  assert.deepEqual(new ByRegistryName().ofRequest(head), { pull: undefined, forward: head });
});

test("a connection leads to the process that holds its other end, while the process runs", async (t) => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  t.after(() => client.destroy());
  const [accepted] = (await once(server, "connection")) as [import("node:net").Socket];
  t.after(() => accepted.destroy());
  const attribution = new ByProcess();
  assert.equal(attribution.ofConnection(accepted.remotePort ?? 0), undefined);
  attribution.started(process.pid, 3);
  assert.equal(attribution.ofConnection(accepted.remotePort ?? 0), 3);
  attribution.ended(process.pid);
  assert.equal(attribution.ofConnection(accepted.remotePort ?? 0), undefined);
});
