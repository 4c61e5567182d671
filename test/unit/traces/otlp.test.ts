import assert from "node:assert/strict";
import { test } from "node:test";
import { toExportRequest, toSpans } from "../../../src/traces/otlp.ts";
import { finishedBlob, finishedPull, START_MS } from "../../support/finished-pull.ts";

let number = 0;
const randomHex = (bytes: number): string => (number += 1).toString(16).padStart(bytes * 2, "0");

test("a pull is one span, with one below it for each manifest and blob", () => {
  const blobs = [finishedBlob({ role: "manifest" }), finishedBlob(), finishedBlob({ role: "unknown" })];
  const [root, ...children] = toSpans(finishedPull({ blobs }), randomHex);
  assert.deepEqual(
    [root?.name, root?.kind, root?.status, root?.parentSpanId],
    ["image pull", 1, { code: 0 }, undefined],
  );
  assert.deepEqual(
    children.map(({ name, kind, parentSpanId, traceId }) => [name, kind, parentSpanId, traceId]),
    ["manifest", "layer", "blob"].map((role) => [`fetch ${role}`, 3, root?.spanId, root?.traceId]),
  );
  assert.equal(new Set([root, ...children].map((span) => span?.spanId)).size, 4);
});

test("times are nanoseconds, with all their digits", () => {
  const [root] = toSpans(finishedPull({ startMs: START_MS + 0.25, endMs: START_MS + 1500, blobs: [] }), randomHex);
  assert.equal(root?.startTimeUnixNano, `${START_MS}250000`);
  assert.equal(root?.endTimeUnixNano, `${START_MS + 1500}000000`);
});

test("a span never ends before it begins", () => {
  const blobs = [finishedBlob({ startMs: START_MS, endMs: START_MS - 1 })];
  for (const span of toSpans(finishedPull({ endMs: START_MS - 5, blobs }), randomHex)) {
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
  }
});

test("a pull joins its client's trace, below the client's span", () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const traceParent = { spanId: "b7ad6b7169203331", sampled: true };
  const [root] = toSpans(finishedPull({ traceId, traceParent }), randomHex);
  assert.deepEqual([root?.traceId, root?.parentSpanId], [traceId, traceParent.spanId]);
});

test("a failed pull is an error with its cause", () => {
  const [root, blob] = toSpans(
    finishedPull({ status: "error", cause: "upstream_5xx", blobs: [finishedBlob({ lastStatus: 503, done: false })] }),
    randomHex,
  );
  assert.deepEqual(root?.status, { code: 2, message: "upstream_5xx" });
  assert.ok(root?.attributes.some(({ key, value }) => key === "error.type" && "stringValue" in value));
  assert.deepEqual(blob?.status, { code: 2 });
  assert.deepEqual(blob?.attributes.find(({ key }) => key === "http.response.status_code")?.value, { intValue: "503" });
});

test("values have the types of OTLP's JSON: integers are texts, fractions numbers", () => {
  const [root, blob] = toSpans(finishedPull(), randomHex);
  const valueOf = (span: typeof root, name: string) => span?.attributes.find(({ key }) => key === name)?.value;
  assert.deepEqual(valueOf(root, "pullmeter.bytes"), { intValue: "1048576" });
  assert.deepEqual(valueOf(root, "pullmeter.on_disk"), { boolValue: false });
  assert.deepEqual(valueOf(root, "container.image.tags"), { arrayValue: { values: [{ stringValue: "v1" }] } });
  assert.deepEqual(valueOf(blob, "pullmeter.first_byte_seconds"), { doubleValue: 0.05 });
});

test("no secret that a client puts into what it names is in a span", () => {
  const userAgent = "curl https://user:canary-secret@example.com/?token=canary-secret";
  const pull = finishedPull({ client: { address: "::1", family: "curl", userAgent } });
  assert.ok(!toExportRequest(toSpans(pull, randomHex), "1").includes("canary"));
});
