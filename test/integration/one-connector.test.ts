import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startCommand } from "../support/run-command.ts";
import { responseBytes, startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import type { WatchedConnections } from "../support/watch-connections.ts";
import { wireRequest } from "../support/wire-client.ts";

// test/one-connector.test.ts reads the source for connections beside the guard; this one watches the program.

const WATCHER = join(import.meta.dirname, "..", "support", "watch-connections.ts");
const CONNECTOR = "src/upstream/connect.ts";
const BLOB = `/v2/app/blobs/sha256:${"d".repeat(64)}`;

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pullmeter-connections-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function start(t: TestContext, respond: (request: WireRequest) => void, tls?: typeof TEST_TLS) {
  const upstream = await startScriptedUpstream(respond, tls && { tls });
  t.after(() => upstream.close());
  return upstream;
}

function ok({ socket }: WireRequest): void {
  socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "{}"));
}

/** An HTTP proxy that tunnels to `port`, whatever it is asked for. */
async function startHttpProxy(t: TestContext, port: number): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.once("data", () => {
      const onward = connect(port, "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
      sockets.add(onward.on("error", () => {}));
      socket.pipe(onward).pipe(socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** A registry that redirects blobs to `store`, and asks for tokens of its own. */
function registryBefore(store: () => string): (request: WireRequest) => void {
  return (request) => {
    const { target, socket, headers } = request;
    const host = headers[headers.findIndex((name) => name.toLowerCase() === "host") + 1];
    if (target.includes("/blobs/sha256")) {
      socket.write(
        responseBytes(["HTTP/1.1 307 Temporary Redirect", `Location: ${store()}/layer`, "Content-Length: 0"]),
      );
    } else if (target === "/v2/") {
      const challenge = `WWW-Authenticate: Bearer realm="http://${host}/token",service="registry"`;
      socket.write(responseBytes(["HTTP/1.1 401 Unauthorized", challenge, "Content-Length: 0"]));
    } else ok(request);
  };
}

test("whatever a program does that serves, each of its connections is opened by the connector", async (t) => {
  const folder = await makeFolder(t);
  const store = await start(t, ok);
  const registry = await start(
    t,
    registryBefore(() => store.origin.origin),
  );
  const secure = await start(t, ok, TEST_TLS);
  const collector = await start(t, ok);
  const tunnelled = await start(t, ok, TEST_TLS);
  const httpProxyPort = await startHttpProxy(t, Number(tunnelled.origin.port));
  await writeFile(join(folder, "ca.pem"), TEST_TLS.ca);
  await writeFile(
    join(folder, "pullmeter.yaml"),
    JSON.stringify({
      listeners: [{ address: "127.0.0.1:0", tokens: "relay" }],
      allowPush: true,
      admin: { address: "127.0.0.1:0" },
      registries: {
        "registry.test": { upstream: registry.origin.origin, privateRedirectHosts: ["127.0.0.1"] },
        "secure.test": { upstream: secure.origin.origin, caFile: "ca.pem" },
        "tunnelled.test": {
          upstream: tunnelled.origin.origin,
          caFile: "ca.pem",
          proxy: `http://127.0.0.1:${httpProxyPort}`,
        },
        "plain-proxied.test": { upstream: "http://nowhere.test", proxy: store.origin.origin },
      },
      traces: { endpoint: `${collector.origin.origin}/v1/traces` },
    }),
  );
  const report = join(folder, "connections.json");
  const command = startCommand(["serve", "--config", join(folder, "pullmeter.yaml")], {
    NODE_OPTIONS: `--import=${WATCHER}`,
    WATCHED_CONNECTIONS: report,
  });
  t.after(() => command.kill());
  const { address } = await command.line("listening");
  const port = Number(String(address).split(":")[1]);
  await command.line("serving");
  const asked = async (method: string, target: string, status: number, headers: readonly string[] = []) => {
    const { statusLine } = await wireRequest(port, [`${method} ${target} HTTP/1.1`, "Host: h", ...headers], method);
    assert.equal(statusLine.split(" ")[1], String(status), `${method} ${target}`);
  };
  await asked("GET", "/v2/app/manifests/v1?ns=registry.test", 200);
  await asked("GET", `${BLOB}?ns=registry.test`, 200);
  await asked("GET", "/_pullmeter/token/registry.test?scope=repository:app:pull", 200);
  await asked("GET", "/v2/app/tags/list?ns=registry.test", 200);
  await asked("PUT", "/v2/app/manifests/v1?ns=registry.test", 200, ["Content-Length: 0"]);
  for (const name of ["secure.test", "tunnelled.test"]) {
    await asked("GET", `/v2/app/manifests/v1?ns=${name}`, 200);
    await asked("GET", `${BLOB}?ns=${name}`, 200);
    await asked("GET", `/v2/app/tags/list?ns=${name}`, 200);
  }
  await asked("GET", "/v2/app/manifests/v1?ns=plain-proxied.test", 200);
  command.child.kill("SIGTERM");
  assert.equal(await command.exited, 0);
  const { sockets, asked: system } = JSON.parse(await readFile(report, "utf8")) as WatchedConnections;
  const places = { registry, store, secure, collector };
  for (const [name, { origin }] of Object.entries(places)) {
    assert.ok(
      sockets.some((socket) => socket.port === Number(origin.port)),
      `nothing was asked of ${name}`,
    );
  }
  assert.ok(
    sockets.some((socket) => socket.port === httpProxyPort),
    "no tunnel was asked for",
  );
  assert.deepEqual(
    sockets.filter(({ files }) => !files.includes(CONNECTOR)),
    [],
  );
  assert.deepEqual(system, { tcp: sockets.length, pipe: 0, udp: 0, names: 0 });
});

const BESIDE = {
  "the global fetch": 'await fetch("http://127.0.0.1:PORT/");',
  "a socket":
    'const { connect } = await import("node:net"); connect(PORT).on("connect", function () { this.destroy(); });',
  "TLS without a socket":
    'const { connect } = await import("node:tls"); connect(PORT, "127.0.0.1").on("error", () => {});',
  "an agent of its own": 'const { get } = await import("node:http"); get({ port: PORT, host: "127.0.0.1" }).end();',
};

for (const [name, program] of Object.entries(BESIDE)) {
  test(`a connection beside the connector is seen: ${name}`, async (t) => {
    const report = join(await makeFolder(t), "connections.json");
    const server = await start(t, ({ socket }) => socket.end(responseBytes(["HTTP/1.1 204 No Content"])));
    const text = program.replaceAll("PORT", server.origin.port);
    const child = spawn(process.execPath, [`--import=${WATCHER}`, "--input-type=module", "--eval", text], {
      env: { WATCHED_CONNECTIONS: report },
      stdio: "inherit",
    });
    t.after(() => child.kill("SIGKILL"));
    // A ClientHello is no request: that client is told that nobody is there.
    if (name.startsWith("TLS")) {
      await server.until(() => server.connections === 1);
      for (const socket of server.sockets) socket.destroy();
    }
    await once(child, "close");
    const { sockets, asked } = JSON.parse(await readFile(report, "utf8")) as WatchedConnections;
    assert.deepEqual(
      sockets.map(({ port, files }) => ({ port, files: files.filter((file) => file === CONNECTOR) })),
      [{ port: Number(server.origin.port), files: [] }],
    );
    assert.ok(asked.tcp > 0);
  });
}
