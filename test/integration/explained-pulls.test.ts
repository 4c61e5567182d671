import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, request, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { createLogger } from "../../src/log/logger.ts";

// What explains a pull, from real sockets to /metrics, the log and /api/pulls.

/** 10 s: a pull is decided 0.5 s after its last request. */
const MAX_WAIT_MS = 10_000;

/** Whom the registry counts: nobody may read it anywhere. */
const SOURCE = "203.0.113.77";

const CONFIG = Buffer.from("{}");
const LAYER = Buffer.alloc(2_000_000, "layer");
const SKIPPED_BYTES = 1_234_567;
const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(CONFIG), size: CONFIG.length },
    layers: [
      { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digestOf(LAYER), size: LAYER.length },
      {
        mediaType: "application/vnd.oci.image.layer.v1.tar",
        digest: digestOf(Buffer.from("on disk")),
        size: SKIPPED_BYTES,
      },
    ],
  }),
);

/** A JSON Web Token with this payload; nobody here verifies it. */
function token(payload: object): string {
  return [{ alg: "none" }, payload, "signature"]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

async function serve(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A registry with one image, whose layer is served elsewhere. `limited` makes it answer 429. */
async function startRegistry(t: TestContext) {
  const state = { remaining: 76, limited: false, challenges: 0 };
  const storePort = await serve(t, (_, response) => response.end(LAYER));
  const port = await serve(t, ({ url = "", method, headers }, response) => {
    if (state.challenges > 0 && headers.authorization === undefined) {
      state.challenges -= 1;
      return response.writeHead(401, { "WWW-Authenticate": 'Bearer realm="https://auth.example.com/token"' }).end();
    }
    if (url.includes("/manifests/")) {
      response.setHeader("RateLimit-Limit", "100;w=21600");
      response.setHeader("RateLimit-Remaining", `${state.remaining};w=21600`);
      response.setHeader("Docker-RateLimit-Source", SOURCE);
      if (state.limited) return response.writeHead(429, { "Retry-After": "1" }).end();
      response.setHeader("Content-Type", "application/vnd.oci.image.manifest.v1+json");
      response.setHeader("Docker-Content-Digest", digestOf(MANIFEST));
      response.setHeader("Content-Length", MANIFEST.length);
      return response.end(method === "HEAD" ? undefined : MANIFEST);
    }
    if (url.includes(digestOf(LAYER))) {
      return response.writeHead(307, { Location: `http://localhost:${storePort}/store?sig=canary` }).end();
    }
    return response.end(CONFIG);
  });
  return { port, state };
}

async function startPullmeter(t: TestContext, registryPort: number) {
  const file = join(mkdtempSync(join(tmpdir(), "pm-explained-")), "pullmeter.yaml");
  t.after(() => rmSync(dirname(file), { recursive: true }));
  const settings = {
    listeners: [{ name: "shared", address: "127.0.0.1:0", registry: "hub.example.com" }],
    registries: {
      "hub.example.com": { upstream: `http://127.0.0.1:${registryPort}`, privateRedirectHosts: ["localhost"] },
    },
    admin: { address: "127.0.0.1:0" },
    tracker: { daemonSettle: "200ms", failedSettle: "200ms", rateLimitedWait: "200ms" },
  };
  writeFileSync(file, JSON.stringify(settings));
  const lines: string[] = [];
  const written = new EventEmitter();
  const write = (line: string) => {
    lines.push(line);
    written.emit("line");
  };
  const logger = createLogger({ destination: { write } });
  const { config } = loadConfig({ file, flags: new Map(), environment: {} });
  const app = createApp(config, { version: "1.2.3", logger });
  const { listeners, admin } = await app.start();
  t.after(() => app.stop());
  const pulls = () => lines.filter((line) => line.includes('"schema":"pullmeter.pull/v1"'));
  return {
    port: listeners[0]?.port ?? 0,
    lines,
    /** The record of the pull number `count`. */
    pull: async (count: number) => {
      while (pulls().length < count) await once(written, "line", { signal: AbortSignal.timeout(MAX_WAIT_MS) });
      return JSON.parse(pulls()[count - 1] ?? "");
    },
    admin: async (path: string, accept = "*/*") =>
      (await fetch(`http://127.0.0.1:${admin.port}${path}`, { headers: { accept } })).text(),
  };
}

/** The requests of containerd for an image of which one layer is on disk. */
async function pullAsContainerd(t: TestContext, port: number, authorization?: string): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const targets = [
    ["HEAD", "/v2/org/app/manifests/v1"],
    ["GET", `/v2/org/app/manifests/${digestOf(MANIFEST)}`],
    ...BLOBS,
  ] as const;
  return ask({ agent, port, targets }, { "User-Agent": "containerd/2.1.9", ...(authorization && { authorization }) });
}

const BLOBS = [CONFIG, LAYER].map((blob) => ["GET", `/v2/org/app/blobs/${digestOf(blob)}`] as const);

interface Requests {
  readonly agent: Agent;
  readonly port: number;
  readonly targets: ReadonlyArray<readonly [method: string, path: string]>;
}

/** One request after the other, until one fails. */
async function ask({ agent, port, targets }: Requests, headers: Record<string, string>): Promise<number[]> {
  const statuses: number[] = [];
  for (const [method, path] of targets) {
    const sent = request({ agent, host: "127.0.0.1", port, method, path, headers }).end();
    const [response] = await once(sent, "response");
    await buffer(response);
    statuses.push(response.statusCode);
    if (response.statusCode >= 400) break;
  }
  return statuses;
}

function seriesOf(exposition: string, pattern: RegExp): string[] {
  return exposition.split("\n").filter((line) => pattern.test(line));
}

test("bytes on disk, who served, whose token and what limit: the pull's line, metrics and exemplar agree", async (t) => {
  const registry = await startRegistry(t);
  const pullmeter = await startPullmeter(t, registry.port);
  const bearer = `Bearer ${token({ sub: "", access: [] })}`;

  assert.deepEqual(await pullAsContainerd(t, pullmeter.port, bearer), [200, 200, 200, 200]);

  const record = await pullmeter.pull(1);
  assert.equal(record.status, "ok");
  assert.equal(record.auth, "bearer_anonymous");
  assert.equal(record.bytes_on_disk, SKIPPED_BYTES);
  const { source, ...limit } = record.rate_limit;
  assert.deepEqual(limit, { limit: 100, remaining: 76, window_seconds: 21_600 });
  assert.match(source, /^[0-9a-f]{8}$/);
  const { serving_host: host, bytes_per_second: speed, ...slowest } = record.slowest_layer;
  assert.match(host, /^localhost:\d+$/);
  assert.deepEqual([slowest.digest, slowest.size], [digestOf(LAYER), LAYER.length]);

  const metrics = await pullmeter.admin("/metrics");
  const labels = 'registry="example.com"';
  for (const line of [
    `pullmeter_pull_transferred_bytes_total{${labels}} ${(MANIFEST.length + CONFIG.length + LAYER.length) / 1e6}e+06`,
    `pullmeter_pull_skipped_bytes_total{${labels}} 1.234567e+06`,
    `pullmeter_auth_total{${labels},kind="bearer_anonymous"} 1`,
    `pullmeter_ratelimit_limit{${labels},has_creds="false"} 100`,
    `pullmeter_ratelimit_remaining{${labels},has_creds="false"} 76`,
    `pullmeter_ratelimit_window_seconds{${labels},has_creds="false"} 21600`,
    `pullmeter_layer_throughput_bytes_per_second_count{${labels}} 1`,
    'pullmeter_serving_throughput_bytes_per_second_count{serving_domain="[UNKNOWN]"} 1',
    'pullmeter_serving_first_byte_seconds_count{serving_domain="[UNKNOWN]"} 1',
    'pullmeter_serving_first_byte_seconds_count{serving_domain="[IP_ADDRESS]"} 1',
    'pullmeter_pulls_ended_total{end_rule="settled"} 1',
    "pullmeter_assigned_requests_total 4",
    "pullmeter_proxy_head_duration_seconds_count 4",
  ]) {
    assert.ok(metrics.split("\n").includes(line), `${line}\nis not in\n${metrics}`);
  }
  const [sum = ""] = seriesOf(metrics, /^pullmeter_layer_throughput_bytes_per_second_sum/);
  assert.ok(Math.abs(Number(sum.split(" ").at(-1)) / speed - 1) < 0.001, `${sum}, ${speed} in the log`);

  const exemplars = seriesOf(await pullmeter.admin("/metrics", "application/openmetrics-text"), / # \{/);
  assert.deepEqual(
    exemplars.map((line) => [line.slice(0, line.indexOf("_bucket")), /# (\{.*?\})/.exec(line)?.[1]]),
    [
      ["buildbuddy_remote_execution_image_fetch_duration_usec", `{pull_id="${record.id}"}`],
      ["pullmeter_pull_duration_seconds", `{pull_id="${record.id}"}`],
      [
        "pullmeter_layer_throughput_bytes_per_second",
        `{pull_id="${record.id}",digest="${slowest.digest}",size="${slowest.size}"}`,
      ],
    ],
  );
});

test("a registry that counts no more says so in metrics and log, and nowhere whom it counts", async (t) => {
  const registry = await startRegistry(t);
  const pullmeter = await startPullmeter(t, registry.port);
  registry.state.remaining = 0;
  registry.state.limited = true;

  assert.deepEqual(await pullAsContainerd(t, pullmeter.port, `Bearer ${token({ sub: "alice" })}`), [429]);

  const record = await pullmeter.pull(1);
  assert.equal(record.cause, "rate_limited");
  assert.equal(record.auth, "bearer");
  assert.equal(record.rate_limit.remaining, 0);
  const labels = 'registry="example.com"';
  const metrics = await pullmeter.admin("/metrics");
  assert.deepEqual(seriesOf(metrics, /^pullmeter_ratelimit_remaining\{/), [
    `pullmeter_ratelimit_remaining{${labels},has_creds="true"} 0`,
  ]);
  assert.deepEqual(seriesOf(metrics, /^pullmeter_rate_limited_total\{/), [
    `pullmeter_rate_limited_total{${labels},retry_after="true"} 1`,
  ]);

  registry.state.limited = false;
  await pullAsContainerd(t, pullmeter.port);
  const second = await pullmeter.pull(2);
  assert.equal(second.rate_limit.source, record.rate_limit.source, "the same source has the same fingerprint");
  const told = [await pullmeter.admin("/metrics"), await pullmeter.admin("/api/pulls"), ...pullmeter.lines].join("\n");
  for (const secret of [SOURCE, "canary", "alice", token({ sub: "alice" })]) assert.ok(!told.includes(secret), secret);
});

test("phases: the client's wait for a token is told from the registry's answers, and the parts add up to the duration", async (t) => {
  const registry = await startRegistry(t);
  const pullmeter = await startPullmeter(t, registry.port);
  registry.state.challenges = 1;

  assert.deepEqual(await pullAsContainerd(t, pullmeter.port), [401]);
  const bearer = `Bearer ${token({ sub: "alice" })}`;
  assert.deepEqual(await pullAsContainerd(t, pullmeter.port, bearer), [200, 200, 200, 200]);

  const record = await pullmeter.pull(1);
  const { first_byte: firstByte, commit, ...parts } = record.phases_ms as Record<string, number>;
  assert.deepEqual(Object.keys(parts).toSorted(), ["auth", "config", "layers", "manifest", "resolve"]);
  const sum = Object.values(parts).reduce((total, spentMs) => total + spentMs, 0);
  assert.ok(Math.abs(sum - record.duration_ms) < 0.01, `${sum} in parts, ${record.duration_ms} in all`);
  assert.ok(firstByte !== undefined && firstByte > 0, "the wait for a blob's head is told");
  assert.equal(commit, undefined, "containerd does not show when it commits");

  assert.deepEqual(JSON.parse(await pullmeter.admin("/api/pulls")).finished[0].phases_ms, record.phases_ms);
  const metrics = await pullmeter.admin("/metrics");
  for (const [phase, spentMs] of Object.entries<number>(record.phases_ms)) {
    const labels = `{registry="example.com",phase="${phase}"}`;
    const value = (name: string) => {
      const line = metrics
        .split("\n")
        .find((each) => each.startsWith(`pullmeter_pull_phase_seconds_${name}${labels} `));
      return Number(line?.split(" ").at(-1));
    };
    assert.equal(value("count"), 1);
    assert.ok(Math.abs(value("sum") * 1000 - spentMs) < 0.001, `${phase}: ${value("sum")} s, ${spentMs} ms in the log`);
  }
});

test("phases: a client that holds its connections shows when it has committed the image", async (t) => {
  const registry = await startRegistry(t);
  const pullmeter = await startPullmeter(t, registry.port);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const targets = [["GET", "/v2/"], ["GET", "/v2/org/app/manifests/v1"], ...BLOBS] as const;
  const statuses = await ask(
    { agent, port: pullmeter.port, targets },
    { "User-Agent": "containers/5.39.2 (github.com/containers/image)" },
  );
  assert.deepEqual(statuses, [200, 200, 200, 200]);
  assert.equal(JSON.parse(await pullmeter.admin("/api/pulls")).live_count, 1);
  agent.destroy();

  const record = await pullmeter.pull(1);
  const { first_byte: _, commit, ...parts } = record.phases_ms as Record<string, number>;
  assert.deepEqual(Object.keys(parts).toSorted(), ["config", "layers", "manifest", "resolve"]);
  const sum = Object.values(parts).reduce((total, spentMs) => total + spentMs, 0);
  assert.ok(Math.abs(sum - record.duration_ms) < 0.01, `${sum} in parts, ${record.duration_ms} in all`);
  // Of the two times, the log has whole milliseconds.
  const committed = Date.parse(record.last_connection_close) - Date.parse(record.transfer_end);
  assert.ok(commit !== undefined && Math.abs(commit - committed) <= 1, `${commit} ms, ${committed} ms in the log`);
  const [line] = seriesOf(await pullmeter.admin("/metrics"), /^pullmeter_pull_phase_seconds_count.*phase="commit"/);
  assert.equal(line, 'pullmeter_pull_phase_seconds_count{registry="example.com",phase="commit"} 1');
});
