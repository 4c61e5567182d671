import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { createPullsView } from "../../src/admin/pulls-view.ts";
import { AdminServer, type AdminOptions } from "../../src/admin/server.ts";
import { createLogger } from "../../src/log/logger.ts";
import { logExchanges } from "../../src/log/observe-exchanges.ts";
import { logPulls } from "../../src/log/observe.ts";
import { createMetrics } from "../../src/metrics/create-metrics.ts";
import { exposeMetrics } from "../../src/metrics/exposition.ts";
import { observePulls } from "../../src/metrics/observe-pulls.ts";
import { observeTransfers } from "../../src/metrics/observe-transfers.ts";
import type { FinishedPull, LivePull } from "../../src/pull/pull-event.ts";
import type { TransferEvent } from "../../src/pull/transfer-event.ts";
import { finishedBlob, finishedPull, START_MS } from "../support/finished-pull.ts";

/** The observers joined as the program joins them, behind a live listener on loopback. */
async function admin(t: TestContext, overrides: Partial<AdminOptions> = {}) {
  const metrics = createMetrics({ version: "1.2.3" });
  const lines: string[] = [];
  const logger = createLogger({ destination: { write: (line) => lines.push(line) } });
  const live: LivePull[] = [];
  const pulls = createPullsView({ live: () => live, now: () => START_MS + 5000 });
  const errors: unknown[] = [];
  const server = new AdminServer({
    host: "127.0.0.1",
    port: 0,
    expose: exposeMetrics(metrics),
    pulls,
    readiness: () => ({ ready: true, details: {} }),
    failed: (error) => errors.push(error),
    ...overrides,
  });
  const { port } = await server.listen();
  t.after(() => server.close());
  const observers = [observePulls(metrics), logPulls(logger), pulls.observe];
  const transferObservers = [observeTransfers(metrics), logExchanges(logger)];
  return {
    server,
    port,
    lines,
    live,
    errors,
    finish: (pull: FinishedPull) => observers.forEach((observe) => observe({ type: "pull-finished", pull })),
    transfer: (event: TransferEvent) => transferObservers.forEach((observe) => observe(event)),
    get: (path: string, method = "GET", headers: Record<string, string> = {}) =>
      fetchPath(port, path, { method, headers }),
  };
}

async function fetchPath(port: number, path: string, options: { method: string; headers: Record<string, string> }) {
  const { promise, resolve, reject } = Promise.withResolvers<import("node:http").IncomingMessage>();
  request({ host: "127.0.0.1", port, path, agent: false, ...options }, resolve)
    .on("error", reject)
    .end();
  const response = await promise;
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

for (const [accept, contentType] of [
  ["text/plain", "text/plain; version=0.0.4; charset=utf-8"],
  [
    "application/openmetrics-text;version=1.0.0, */*;q=0.1",
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  ],
] as const) {
  test(`/metrics answers ${accept} with a pull that was finished`, async (t) => {
    const { get, finish } = await admin(t);
    finish(finishedPull());
    const { status, headers, body } = await get("/metrics", "GET", { accept });
    assert.equal(status, 200);
    assert.equal(headers["content-type"], contentType);
    assert.equal(headers.vary, "Accept");
    assert.match(body, /^pullmeter_pull_duration_seconds_count\{isolation="containerd",registry="ghcr\.io",.*\} 1$/m);
    assert.match(body, /^process_cpu_seconds_total /m);
  });
}

test("/metrics answers bytes to who asks for protobuf", async (t) => {
  const { get, finish } = await admin(t);
  finish(finishedPull());
  const accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
  const { headers, body } = await get("/metrics", "GET", { accept });
  assert.match(headers["content-type"] ?? "", /^application\/vnd\.google\.protobuf;/);
  assert.match(body, /pullmeter_pull_duration_seconds/);
});

test("HEAD answers the head that GET does, without a body", async (t) => {
  const { get } = await admin(t, { expose: async () => ({ contentType: "text/plain", body: "ä\n" }) });
  for (const path of ["/", "/metrics", "/livez", "/readyz", "/healthz", "/api/pulls", "/nothing"]) {
    const [head, whole] = [await get(path, "HEAD"), await get(path)];
    assert.equal(head.status, whole.status, path);
    assert.equal(head.headers["content-length"], String(Buffer.byteLength(whole.body)), path);
    assert.equal(head.body, "");
  }
});

test("/livez and /healthz answer 200, ready or not", async (t) => {
  const { get } = await admin(t, { readiness: () => ({ ready: false, details: {} }) });
  for (const path of ["/livez", "/healthz"]) assert.deepEqual(pick(await get(path)), [200, "ok\n"]);
});

test("/readyz answers 200 when ready and 503 when not, with what there is to say", async (t) => {
  let ready = true;
  const { get } = await admin(t, { readiness: () => ({ ready, details: { state: ready ? "serving" : "draining" } }) });
  assert.deepEqual(pick(await get("/readyz?verbose")), [200, '{"ready":true,"state":"serving"}']);
  ready = false;
  assert.deepEqual(pick(await get("/readyz")), [503, '{"ready":false,"state":"draining"}']);
});

test("/api/pulls lists live pulls and finished ones", async (t) => {
  const { get, finish, live } = await admin(t);
  live.push(livePull(finishedPull({ id: "live" })));
  finish(finishedPull({ id: "done" }));
  const { headers, body } = await get("/api/pulls");
  assert.equal(headers["content-type"], "application/json; charset=utf-8");
  const json = JSON.parse(body);
  assert.deepEqual([json.live[0].id, json.finished[0].id], ["live", "done"]);
});

test("/ links everything, and nothing on it may run or load", async (t) => {
  const { get } = await admin(t);
  const { headers, body } = await get("/");
  assert.match(String(headers["content-security-policy"]), /^default-src 'none'/);
  assert.doesNotMatch(body, /<script|<style|\son\w+=|https?:/);
  const links = [...body.matchAll(/href="([^"]+)"/g)].map((match) => match[1] ?? "");
  assert.deepEqual(links, ["/metrics", "/api/pulls", "/readyz", "/livez", "/healthz"]);
  for (const link of links) assert.equal((await get(link)).status, 200, link);
});

test("an unknown path is 404, another method 405 with what is allowed", async (t) => {
  const { get } = await admin(t);
  for (const path of ["/nothing", "/metrics/", "//metrics", "/__proto__", "/constructor", "/v2/", "/../metrics"]) {
    assert.equal((await get(path)).status, 404, path);
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const { status, headers } = await get("/metrics", method);
    assert.deepEqual([status, headers.allow], [405, "GET, HEAD"], method);
  }
});

test("a view that fails is a 500 that tells nothing, and the next request is answered", async (t) => {
  const { get, errors } = await admin(t, { expose: () => Promise.reject(new Error("hunter2")) });
  assert.deepEqual(pick(await get("/metrics")), [500, "internal error\n"]);
  assert.equal(errors.length, 1);
  assert.equal((await get("/livez")).status, 200);
});

test("a port that is taken is an error, and close works before, after and twice", async (t) => {
  const { port } = await admin(t);
  const options = {
    host: "127.0.0.1",
    port,
    expose: async () => ({ contentType: "", body: "" }),
    pulls: { toJson: () => "" },
  };
  const second = new AdminServer({ ...options, readiness: () => ({ ready: true, details: {} }), failed: () => {} });
  await assert.rejects(second.listen(), { code: "EADDRINUSE" });
  await second.close();
  await second.close();
});

test("close ends connections that are kept alive", async (t) => {
  const { server, port } = await admin(t);
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await server.close();
  await closed;
});

test("no secret that a client or an upstream can send reaches metrics, pull log or views", async (t) => {
  const { get, finish, live, lines, transfer } = await admin(t);
  const canary = "c4n4ry";
  const secretHost = `robot:${canary}@registry.example.com`;
  const poisoned = finishedPull({
    registry: secretHost,
    isolation: `Bearer ${canary}`,
    listener: `https://a:${canary}@b/`,
    client: { address: "127.0.0.1", family: `x ${canary}@y`, userAgent: `evil/1 Authorization: Basic ${canary}` },
    blobs: [
      finishedBlob({ servingHost: `cdn.example.com/x?X-Amz-Signature=${canary}`, digest: `sha256:a?token=${canary}` }),
    ],
    cause: "upstream_5xx",
    status: "error",
  });
  live.push(livePull(poisoned));
  finish(poisoned);
  const started = {
    type: "started",
    atMs: START_MS,
    transfer: 1,
    connection: 1,
    listener: "l",
    remoteAddress: "::1",
  } as const;
  transfer({
    ...started,
    registry: `${canary}@ghcr.io`,
    method: canary,
    route: { kind: "invalid", code: "UNSUPPORTED" },
    userAgent: `Bearer ${canary}`,
    accept: canary,
    credentials: "basic",
    forwarded: false,
  });
  transfer({ type: "responded", atMs: START_MS, transfer: 1, status: 200 });
  transfer({ type: "finished", atMs: START_MS, transfer: 1, bytes: 1 });
  transfer({
    type: "upstream-exchanged",
    atMs: START_MS,
    transfer: 1,
    registry: secretHost,
    host: secretHost,
    outcome: "connect",
    detail: `https://${secretHost}/v2/?token=${canary}: the connection failed`,
    headMs: 1,
  });
  assert.ok(lines.join("").includes("the connection failed"));
  const told = [(await get("/metrics")).body, (await get("/api/pulls")).body, lines.join("")];
  assert.deepEqual(
    told.map((body) => body.includes(canary)),
    [false, false, false],
  );
  assert.deepEqual(
    told.map((body) => body.includes("example.com") || body.includes("[UNKNOWN]")),
    [true, true, true],
  );
});

function pick({ status, body }: { status: number | undefined; body: string }) {
  return [status, body];
}

function livePull(pull: FinishedPull): LivePull {
  return { ...pull, state: "fetching", lastEventMs: pull.endMs, openTransfers: 1 };
}

test("silent connections keep no probe out", async (t) => {
  const { port } = await admin(t);
  const silent = await Promise.all(
    Array.from({ length: 110 }, async () => {
      const socket = connect(port, "127.0.0.1").on("error", () => {});
      t.after(() => socket.destroy());
      await once(socket, "connect");
      return socket;
    }),
  );
  const closed = once(silent[0] ?? assert.fail(), "close");
  assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);
  await closed;
});
