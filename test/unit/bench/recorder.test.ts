import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import type { FaultPlan, Treatment } from "../../../bench/truth/faults.ts";
import { Recorder } from "../../../bench/truth/recorder.ts";

const HEALTHY: Treatment = { delayMs: 0, bytesPerMs: 100_000 };
const BODY = "x".repeat(1000);

async function startRecorder(t: TestContext, treatment: Treatment): Promise<{ recorder: Recorder; origin: URL }> {
  const registry = createServer((_request, response) =>
    response.writeHead(200, { "content-length": BODY.length, "X-Own": "1" }).end(BODY),
  );
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
  const recorder = new Recorder({ treat: () => treatment } as unknown as FaultPlan);
  const origin = await recorder.open(
    "registry.example",
    new URL(`http://127.0.0.1:${(registry.address() as AddressInfo).port}`),
  );
  t.after(async () => {
    await recorder.close();
    registry.closeAllConnections();
    registry.close();
  });
  return { recorder, origin };
}

test("a healthy request is the registry's answer, and one line of the log", async (t) => {
  const { recorder, origin } = await startRecorder(t, HEALTHY);
  const response = await fetch(new URL("/v2/lib/app/blobs/x?a=b", origin));
  assert.deepEqual([response.status, response.headers.get("x-own"), await response.text()], [200, "1", BODY]);
  const [line] = recorder.log;
  assert.deepEqual(
    [line?.registry, line?.method, line?.url, line?.status, line?.bytes],
    ["registry.example", "GET", "/v2/lib/app/blobs/x?a=b", 200, 1000],
  );
  assert.equal(line?.fault, undefined);
});

test("an injected status comes instead of the registry's answer, with Retry-After", async (t) => {
  const { recorder, origin } = await startRecorder(t, { ...HEALTHY, status: 429, retryAfterSeconds: 2 });
  const response = await fetch(origin);
  assert.deepEqual([response.status, response.headers.get("retry-after")], [429, "2"]);
  assert.match(await response.text(), /TOOMANYREQUESTS/);
  assert.equal(recorder.log[0]?.fault, "status429");
});

test("a cut ends the connection in the middle of the body", async (t) => {
  const { recorder, origin } = await startRecorder(t, { ...HEALTHY, cutAt: 0.5 });
  await assert.rejects(async () => (await fetch(origin)).text());
  assert.deepEqual([recorder.log[0]?.fault, recorder.log[0]?.bytes, recorder.log[0]?.aborted], ["cut", 500, undefined]);
});

test("a slow registry takes its time", async (t) => {
  const { origin } = await startRecorder(t, { delayMs: 60, bytesPerMs: 10_000 });
  const startMs = performance.now();
  await (await fetch(origin)).text();
  // setTimeout may fire a millisecond early.
  assert.ok(performance.now() - startMs >= 59);
});

test("whoever goes away in the middle has aborted", async (t) => {
  const { recorder, origin } = await startRecorder(t, { delayMs: 10_000, bytesPerMs: 10_000 });
  const abort = new AbortController();
  const answer = fetch(origin, { signal: abort.signal });
  while (recorder.log.length === 0) await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  await assert.rejects(answer);
  while (recorder.log[0]?.aborted === undefined) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(recorder.log[0].aborted, true);
});
