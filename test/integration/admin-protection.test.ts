import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type RequestOptions } from "node:https";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { AdminServer } from "../../src/admin/server.ts";
import { Credentials } from "../../src/access/credentials.ts";
import { hashPassword, parsePasswordHash } from "../../src/access/password-hash.ts";
import type { Protection } from "../../src/access/protection.ts";
import { TEST_TLS } from "../support/tls.ts";

const TOKEN = "canary-token-of-prometheus";
const ALICE = `Basic ${Buffer.from("alice:canary-password").toString("base64")}`;
const TLS = { cert: TEST_TLS.cert, key: TEST_TLS.key };

async function createCredentials(): Promise<Credentials> {
  const password = parsePasswordHash(await hashPassword("canary-password"));
  assert.ok(password);
  return new Credentials([{ name: "alice", password }], [TOKEN]);
}

async function startAdmin(t: TestContext, protection: Protection) {
  const server = new AdminServer({
    host: "127.0.0.1",
    port: 0,
    protection,
    expose: () => Promise.resolve({ contentType: "text/plain", body: "metrics\n" }),
    pulls: { toJson: () => "{}" },
    readiness: () => ({ ready: true, details: { state: "serving" } }),
    failed: () => {},
  });
  const { port } = await server.listen();
  t.after(() => server.close());
  const get = async (path: string, options: RequestOptions = {}) => {
    const asked = request({ host: "127.0.0.1", port, path, ca: TEST_TLS.ca, agent: false, ...options });
    asked.end();
    const [response] = (await once(asked, "response")) as [import("node:http").IncomingMessage];
    return { status: response.statusCode, headers: response.headers, body: await text(response) };
  };
  return { server, port, get };
}

for (const path of ["/metrics", "/api/pulls", "/", "/nowhere"]) {
  test(`${path} wants credentials, and either kind will do`, async (t) => {
    const { get } = await startAdmin(t, { tls: TLS, credentials: await createCredentials() });
    const stranger = await get(path);
    assert.equal(stranger.status, 401);
    const challenge = 'Basic realm="pullmeter", charset="UTF-8", Bearer realm="pullmeter"';
    assert.equal(stranger.headers["www-authenticate"], challenge);
    for (const authorization of [ALICE.replace("Y", "Z"), `Bearer ${TOKEN}x`, "Basic"]) {
      assert.equal((await get(path, { headers: { authorization } })).status, 401, authorization);
    }
    for (const authorization of [ALICE, `Bearer ${TOKEN}`]) {
      const { status } = await get(path, { headers: { authorization } });
      assert.equal(status, path === "/nowhere" ? 404 : 200);
    }
  });
}

test("probes need none, but learn no details", async (t) => {
  const { get } = await startAdmin(t, { tls: TLS, credentials: await createCredentials() });
  for (const path of ["/livez", "/healthz"]) assert.equal((await get(path)).status, 200);
  assert.equal((await get("/readyz")).body, '{"ready":true}');
  const known = await get("/readyz", { headers: { authorization: ALICE } });
  assert.equal(known.body, '{"ready":true,"state":"serving"}');
});

test("a stranger who asks for metrics is no last scrape", async (t) => {
  const { server, get } = await startAdmin(t, { tls: TLS, credentials: await createCredentials() });
  let isScraped = false;
  const scraped = server.lastScrape(60_000).then(() => (isScraped = true));
  assert.equal((await get("/metrics")).status, 401);
  assert.equal(isScraped, false);
  assert.equal((await get("/metrics", { headers: { authorization: ALICE } })).status, 200);
  assert.equal(await scraped, true);
});

test("with a CA for clients, only they get in; others fail in the handshake", async (t) => {
  const { get } = await startAdmin(t, { tls: { ...TLS, clientCa: TEST_TLS.clientCa } });
  assert.equal((await get("/metrics", { cert: TEST_TLS.client, key: TEST_TLS.clientKey })).status, 200);
  await assert.rejects(get("/livez"));
  await assert.rejects(get("/livez", { cert: TEST_TLS.clientExpired, key: TEST_TLS.clientKey }));
});

test("certificates and credentials are changed while it listens", async (t) => {
  const { server, get } = await startAdmin(t, { tls: TLS });
  assert.equal((await get("/metrics")).status, 200);
  server.protect({
    tls: { cert: TEST_TLS.rotated, key: TEST_TLS.clientKey },
    credentials: await createCredentials(),
  });
  await assert.rejects(get("/metrics"));
  assert.equal((await get("/metrics", { ca: TEST_TLS.clientCa })).status, 401);
});

test("handshakes that are never finished keep nobody out, and closing does not wait for them", async (t) => {
  const { server, port, get } = await startAdmin(t, { tls: TLS });
  const silent = Array.from({ length: 150 }, () => connect({ port, host: "127.0.0.1" }).on("error", () => {}));
  t.after(() => silent.forEach((socket) => socket.destroy()));
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  assert.equal((await get("/livez")).status, 200);
  await server.close();
});
