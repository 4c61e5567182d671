import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type LookupFunction } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { toPullRecord } from "../../src/log/pull-record.ts";
import { createMetrics } from "../../src/metrics/create-metrics.ts";
import { exposeMetrics } from "../../src/metrics/exposition.ts";
import { CAUSES } from "../../src/metrics/label-values.ts";
import { observePulls } from "../../src/metrics/observe-pulls.ts";
import { statusOfCause, type Cause } from "../../src/pull/outcome.ts";
import type { FinishedPull } from "../../src/pull/pull-event.ts";
import { PullTracker } from "../../src/pull/tracker.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { startProxy, upstreamAt, type TestProxy, type TestProxyOptions } from "../support/data-plane.ts";
import { expositionText } from "../support/exposition-text.ts";
import { responseBytes, startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { openSocket, wireRequest } from "../support/wire-client.ts";

// Every cause, from a failure on a socket to the one observation of the pull.

const CONFIG = Buffer.from("{}");
const LAYER = Buffer.alloc(1000, "layer");
const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(CONFIG), size: CONFIG.length },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digestOf(LAYER), size: LAYER.length }],
  }),
);
const ROOT = digestOf(MANIFEST);

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

const USER_AGENT = "containerd/2.1.4";

/** What containerd asks for, one after the other. */
const RESOLVE = "HEAD /v2/library/app/manifests/v1";
const REQUESTS = [
  RESOLVE,
  `GET /v2/library/app/manifests/${ROOT}`,
  `GET /v2/library/app/blobs/${digestOf(CONFIG)}`,
  `GET /v2/library/app/blobs/${digestOf(LAYER)}`,
] as const;

type Respond = (request: WireRequest) => void;

const good: Respond = ({ method, target, socket }) => {
  const content = [MANIFEST, CONFIG, LAYER].find((one) => target.endsWith(digestOf(one))) ?? MANIFEST;
  const type = content === MANIFEST ? "application/vnd.oci.image.manifest.v1+json" : "application/octet-stream";
  const head = ["HTTP/1.1 200 OK", `Content-Type: ${type}`, `Content-Length: ${content.length}`];
  socket.write(
    responseBytes([...head, `Docker-Content-Digest: ${digestOf(content)}`], method === "HEAD" ? "" : content),
  );
};

/** Good until this request, and then otherwise. */
function badAt(index: number, bad: Respond): Respond {
  const [, target = ""] = REQUESTS[index]?.split(" ") ?? [];
  return (request) => (request.target === target ? bad : good)(request);
}

const answer =
  (status: number, ...headers: readonly string[]): Respond =>
  ({ socket }) =>
    void socket.write(responseBytes([`HTTP/1.1 ${status} X`, "Content-Length: 0", ...headers]));

interface Failing {
  readonly respond?: Respond;
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly upstream?: Partial<Upstream>;
  readonly settings?: TestProxyOptions["settings"];
  readonly lookup?: LookupFunction;
  readonly registry?: string;
}

const toLoopback: LookupFunction = (_name, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]);

/** Where nobody listens: a port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function start(t: TestContext, failing: Failing): Promise<TestProxy> {
  const { respond = good, tls, upstream = {}, settings, lookup, registry = "registry.test" } = failing;
  const server = await startScriptedUpstream(respond, tls && { tls });
  t.after(() => server.close());
  return startProxy(t, {
    upstreams: [upstreamAt(server.origin, upstream)],
    listener: { registry },
    // A hopeless blob is looked for no longer than this.
    settings: { resumeTimeoutMs: 50, ...settings },
    ...(lookup !== undefined && { lookup }),
  });
}

/** Asks for an image as containerd does, and gives up at the first failure. */
async function pullUntilFailure(proxy: TestProxy): Promise<void> {
  for (const line of REQUESTS) {
    const [method = ""] = line.split(" ");
    const response = await wireRequest(
      proxy.port,
      [`${line} HTTP/1.1`, "Host: h", `User-Agent: ${USER_AGENT}`],
      method,
    );
    if (!/ 200 /.test(response.statusLine) || !response.complete) return;
  }
}

/** What the tracker makes of everything that the data plane told. */
async function observe(proxy: TestProxy): Promise<FinishedPull> {
  const starts = proxy.events.filter(({ type }) => type === "started").length;
  while (proxy.events.filter(({ type }) => type === "finished" || type === "failed").length < starts) {
    await proxy.event("connection-closed", () => true);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const pulls: FinishedPull[] = [];
  const tracker = new PullTracker({ report: (event) => event.type === "pull-finished" && pulls.push(event.pull) });
  for (const event of proxy.events) tracker.observe(event);
  tracker.flush((proxy.events.at(-1)?.atMs ?? 0) + 60_000);
  assert.equal(pulls.length, 1);
  return pulls[0]!;
}

/** One failed pull: in the metric, in the log and by its status. */
async function expectCause(proxy: TestProxy, cause: Cause): Promise<void> {
  const pull = await observe(proxy);
  assert.equal(pull.cause, cause);
  assert.equal(pull.status, statusOfCause(cause));
  assert.equal(toPullRecord(pull).cause, cause);
  const metrics = createMetrics({ version: "1", processMetrics: false });
  observePulls(metrics)({ type: "pull-finished", pull });
  const failures = (await expositionText(exposeMetrics(metrics)))
    .split("\n")
    .filter((line) => line.startsWith("pullmeter_pull_failures_total{"));
  if (cause === "none") return assert.deepEqual(failures, []);
  const registry = cause === "refused" ? "[UNKNOWN]" : "registry.test";
  assert.deepEqual(failures, [`pullmeter_pull_failures_total{registry="${registry}",cause="${cause}"} 1`]);
}

const refusedLookup: LookupFunction = (_name, _options, callback) => {
  callback(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), "");
};

const SOME = responseBytes(["HTTP/1.1 200 OK", "Content-Length: 1000"], "some");

const FAILURES: readonly (readonly [cause: Cause, title: string, failing: Failing])[] = [
  ["none", "nothing goes wrong", {}],
  [
    "dns",
    "the registry's name does not resolve",
    { upstream: { origin: new URL("http://gone.test") }, lookup: refusedLookup },
  ],
  [
    "connect",
    "the connection takes too long",
    { upstream: { origin: new URL("http://slow.test") }, lookup: () => {}, settings: { connectTimeoutMs: 50 } },
  ],
  ["tls", "the certificate is of an unknown CA", { tls: TEST_TLS }],
  [
    "tls",
    "the certificate has expired",
    { tls: { key: TEST_TLS.key, cert: TEST_TLS.expired }, upstream: { ca: TEST_TLS.expired } },
  ],
  [
    "header_timeout",
    "no head comes",
    { respond: badAt(1, () => {}), settings: { headTimeoutMs: 50, connectTimeoutMs: 50 } },
  ],
  [
    "stalled",
    "a layer stops half-way",
    { respond: badAt(3, ({ socket }) => void socket.write(SOME)), settings: { stallTimeoutMs: 50 } },
  ],
  ["truncated", "a layer is cut short", { respond: badAt(3, ({ socket }) => void socket.end(SOME)) }],
  [
    "truncated",
    "the connection is reset in the middle of a layer",
    { respond: badAt(3, ({ socket }) => void socket.write(SOME, () => socket.resetAndDestroy())) },
  ],
  [
    "truncated",
    "the connection is reset before the head",
    { respond: badAt(3, ({ socket }) => void socket.resetAndDestroy()) },
  ],
  ["truncated", "the head is none", { respond: badAt(3, ({ socket }) => void socket.end("what?\r\n\r\n")) }],
  [
    "digest_mismatch",
    "a manifest has other bytes than its digest says",
    {
      respond: badAt(
        1,
        ({ socket }) => void socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "{}")),
      ),
    },
  ],
  [
    "digest_mismatch",
    "a layer that is verified has other bytes than its digest says",
    {
      respond: badAt(
        3,
        ({ socket }) =>
          void socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 1000"], Buffer.alloc(1000))),
      ),
      upstream: { verifyBlobs: 1 },
    },
  ],
  ["unauthorized", "the registry insists on credentials", { respond: badAt(0, answer(401)) }],
  ["denied", "the user may not", { respond: badAt(0, answer(403)) }],
  ["not_found", "there is no such tag", { respond: badAt(0, answer(404)) }],
  ["not_found", "a layer is gone", { respond: badAt(3, answer(410)) }],
  ["bad_request", "the registry does not like the request", { respond: badAt(3, answer(400)) }],
  ["rate_limited", "there were too many requests", { respond: badAt(1, answer(429, "Retry-After: 1")) }],
  ["upstream_5xx", "the registry fails", { respond: badAt(3, answer(503)) }],
  [
    "refused",
    "the registry resolves to a private address",
    { upstream: { origin: new URL("http://private.test"), allowPrivateAddresses: false }, lookup: toLoopback },
  ],
  ["refused", "the registry is not allowed", { registry: "other.test" }],
  [
    "proxy",
    "the registry redirects in a loop",
    {
      respond: badAt(3, ({ target, socket }) => answer(307, `Location: ${target}`)({ target, socket } as WireRequest)),
    },
  ],
];

for (const [cause, title, failing] of FAILURES) {
  test(`cause ${cause}: ${title}`, async (t) => {
    const proxy = await start(t, failing);
    await pullUntilFailure(proxy);
    await expectCause(proxy, cause);
  });
}

test("cause tls: the certificate is for another name", async (t) => {
  const server = await startScriptedUpstream(good, { tls: TEST_TLS });
  t.after(() => server.close());
  const origin = `https://elsewhere.test:${server.origin.port}`;
  const upstreams = [upstreamAt(origin, { ca: TEST_TLS.ca })];
  const proxy = await startProxy(t, { upstreams, listener: { registry: "registry.test" }, lookup: toLoopback });
  await pullUntilFailure(proxy);
  await expectCause(proxy, "tls");
});

test("cause tls: the server speaks no TLS", async (t) => {
  const server = await startScriptedUpstream(good);
  t.after(() => server.close());
  const upstreams = [upstreamAt(`https://${server.host}`)];
  // Nothing that this server takes for a request ever comes: the handshake fails by its bytes, or takes too long.
  const settings = { tlsTimeoutMs: 100 };
  const proxy = await startProxy(t, { upstreams, listener: { registry: "registry.test" }, settings });
  await pullUntilFailure(proxy);
  await expectCause(proxy, "tls");
});

test("cause connect: nobody listens", async (t) => {
  const upstreams = [upstreamAt(`http://127.0.0.1:${await closedPort()}`)];
  const proxy = await startProxy(t, { upstreams, listener: { registry: "registry.test" } });
  await pullUntilFailure(proxy);
  await expectCause(proxy, "connect");
});

test("cause client_aborted: the client is killed in the middle of a layer", async (t) => {
  const proxy = await start(t, { respond: badAt(3, ({ socket }) => void socket.write(SOME)) });
  for (const line of REQUESTS.slice(0, 3)) {
    await wireRequest(proxy.port, [`${line} HTTP/1.1`, "Host: h", `User-Agent: ${USER_AGENT}`], line.split(" ")[0]);
  }
  const client = await openSocket(proxy.port);
  client.write(`${REQUESTS[3]} HTTP/1.1\r\nHost: h\r\nUser-Agent: ${USER_AGENT}\r\n\r\n`);
  await once(client, "data");
  client.resetAndDestroy();
  await proxy.event("failed");
  await expectCause(proxy, "client_aborted");
});

for (const [status, cause] of [
  [401, "unauthorized"],
  [403, "denied"],
  [429, "rate_limited"],
  [503, "upstream_5xx"],
  [undefined, "truncated"],
] as const) {
  test(`cause ${cause}: the token service ${status === undefined ? "cuts" : `answers ${status}`}, after the registry's 401`, async (t) => {
    const server = await startScriptedUpstream((request) => {
      if (!request.target.startsWith("/token")) {
        answer(401, `WWW-Authenticate: Bearer realm="http://${server.host}/token",service="s"`)(request);
      } else if (status === undefined) request.socket.destroy();
      else answer(status)(request);
    });
    t.after(() => server.close());
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt(server.origin, { tokens: "relay" })],
      listener: { registry: "registry.test" },
      tokenRelay: { domainOf: () => undefined },
    });
    await pullUntilFailure(proxy);
    const token = "GET /_pullmeter/token/registry.test?scope=repository%3Alibrary%2Fapp%3Apull&service=s HTTP/1.1";
    await wireRequest(proxy.port, [token, "Host: h", `User-Agent: ${USER_AGENT}`]);
    await expectCause(proxy, cause);
  });
}

test("a token that is refused first and given then is no cause", async (t) => {
  let asked = 0;
  const server = await startScriptedUpstream((request) => {
    const isAuthorized = request.headers.includes("Authorization");
    if (request.target.startsWith("/token")) {
      asked += 1;
      if (asked === 1) answer(405)(request);
      else request.socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 13"], '{"token":"t"}'));
    } else if (isAuthorized) good(request);
    else answer(401, `WWW-Authenticate: Bearer realm="http://${server.host}/token"`)(request);
  });
  t.after(() => server.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(server.origin, { tokens: "relay" })],
    listener: { registry: "registry.test" },
    tokenRelay: { domainOf: () => undefined },
  });
  await pullUntilFailure(proxy);
  const token = "GET /_pullmeter/token/registry.test?scope=repository:library/app:pull HTTP/1.1";
  for (let i = 0; i < 2; i += 1) await wireRequest(proxy.port, [token, "Host: h", `User-Agent: ${USER_AGENT}`]);
  for (const line of REQUESTS) {
    const lines = [`${line} HTTP/1.1`, "Host: h", `User-Agent: ${USER_AGENT}`, "Authorization: Bearer t"];
    await wireRequest(proxy.port, lines, line.split(" ")[0]);
  }
  await expectCause(proxy, "none");
});

test("docs/operations.md has a row for each cause", () => {
  const text = readFileSync(join(import.meta.dirname, "..", "..", "docs", "operations.md"), "utf8");
  const [, section = ""] = /\n## Causes\n([\s\S]*?)(?:\n## |$)/.exec(text) ?? [];
  const rows = [...section.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1] ?? "");
  assert.deepEqual(rows.toSorted(), [...CAUSES].toSorted());
});
