import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { buildImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { startDemoRegistry, type DemoRegistry } from "../../src/demo/registry.ts";
import { createLogger } from "../../src/log/logger.ts";
import { TEST_TLS } from "../support/tls.ts";

const IMAGE = buildImage({ repository: "demo/app", tag: "v1", layers: [buildLayer("layer", 1000)] });
const CA_FILE = join(import.meta.dirname, "../fixtures/tls/ca.pem");

/** Starts everything with a configuration file, whose listener and admin take free ports. */
async function startApp(t: TestContext, registries: object) {
  const folder = await mkdtemp(join(tmpdir(), "pullmeter-upstreams-"));
  t.after(() => rm(folder, { recursive: true }));
  await copyFile(CA_FILE, join(folder, "ca.pem"));
  const file = join(folder, "pullmeter.yaml");
  const listeners = [{ address: "127.0.0.1:0" }];
  await writeFile(file, JSON.stringify({ listeners, admin: { address: "127.0.0.1:0" }, registries }));
  const log: string[] = [];
  const logger = createLogger({ level: "debug", destination: { write: (line) => void log.push(line) } });
  const app = createApp(loadConfig({ file, flags: new Map(), environment: {} }).config, { version: "test", logger });
  const started = await app.start();
  t.after(() => app.stop());
  const ask = (registry: string) =>
    fetch(`http://127.0.0.1:${started.listeners[0]?.port}/v2/demo/app/manifests/v1?ns=${registry}`);
  return { ask, log, started };
}

async function startTlsRegistry(t: TestContext): Promise<DemoRegistry> {
  const registry = await startDemoRegistry({ images: [IMAGE], tls: TEST_TLS });
  t.after(() => registry.close());
  return registry;
}

/** An HTTP proxy that opens tunnels for one user, and remembers where to. */
async function startTunnelProxy(t: TestContext, credentials: string) {
  const tunnels: string[] = [];
  const expected = `Basic ${Buffer.from(credentials).toString("base64")}`;
  const server = createServer().listen(0, "127.0.0.1");
  server.on("connect", (request, client) => {
    tunnels.push(request.url ?? "");
    if (request.headers["proxy-authorization"] !== expected) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const [host = "", port = ""] = (request.url ?? "").split(":");
    const upstream = connect(Number(port), host, () => client.write("HTTP/1.1 200 Connection Established\r\n\r\n"));
    upstream.pipe(client).pipe(upstream);
    upstream.on("error", () => client.destroy());
    client.on("error", () => upstream.destroy());
    t.after(() => upstream.destroy());
  });
  await once(server, "listening");
  t.after(() => server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, tunnels };
}

test("a registry whose certificates are in its caFile is trusted, and the same one without it is not", async (t) => {
  const registry = await startTlsRegistry(t);
  const { ask, log } = await startApp(t, {
    "trusted.test": { upstream: registry.url, caFile: "ca.pem" },
    "unknown.test": { upstream: registry.url },
  });
  const trusted = await ask("trusted.test");
  assert.equal(trusted.status, 200);
  assert.equal(trusted.headers.get("docker-content-digest"), IMAGE.root.digest);
  assert.deepEqual(log, []);
  assert.equal((await ask("unknown.test")).status, 502);
  const { level, registry_host, host, cause, detail } = JSON.parse(log[0] ?? "");
  assert.deepEqual([level, registry_host, host, cause], ["warn", "unknown.test", registry.host, "tls"]);
  assert.match(detail, /certificate|CERT|SIGNED|ISSUER/);
});

test("a registry with a proxy of its own is reached through it, and no log line has the proxy's password", async (t) => {
  const registry = await startTlsRegistry(t);
  const tunnel = await startTunnelProxy(t, "user:hunter2");
  const { ask, log } = await startApp(t, {
    "proxied.test": { upstream: registry.url, caFile: "ca.pem", proxy: `http://user:hunter2@${tunnel.host}` },
    "wrong.test": { upstream: registry.url, caFile: "ca.pem", proxy: `http://user:hunter3@${tunnel.host}` },
    "direct.test": { upstream: registry.url, caFile: "ca.pem", proxy: "none" },
  });
  assert.equal((await ask("proxied.test")).status, 200);
  assert.deepEqual(tunnel.tunnels, [registry.host]);
  assert.equal((await ask("direct.test")).status, 200);
  assert.deepEqual(tunnel.tunnels, [registry.host]);

  const refused = await ask("wrong.test");
  assert.equal(refused.status, 502);
  assert.doesNotMatch(`${await refused.text()}${log.join("")}`, /hunter/);
});

test("a registry that was not named is refused with the setting that would allow it", async (t) => {
  const { ask } = await startApp(t, {});
  const response = await ask("registry.example.com");
  assert.equal(response.status, 403);
  assert.match(await response.text(), /registries.*allowRegistries/);
});

test("the ports that were bound for port 0 are told", async (t) => {
  const { started } = await startApp(t, {});
  assert.equal(started.listeners.length, 1);
  assert.ok(started.listeners.every(({ port }) => port > 0));
  assert.equal((await fetch(`http://127.0.0.1:${started.admin.port}/readyz`)).status, 200);
});
