import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Fault } from "../../src/demo/faults.ts";
import { buildImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { pull } from "../../src/demo/puller.ts";
import { startDemoRegistry, type DemoRegistry } from "../../src/demo/registry.ts";
import { eventually } from "../support/clients/process.ts";
import { runCommand, startCommand, type RunningCommand } from "../support/run-command.ts";

/** 1 MiB: more than the buffers between registry and client hold. */
const LAYER = buildLayer("layer", 1024 * 1024);
const IMAGE = buildImage({ repository: "demo/app", tag: "v1", layers: [LAYER] });
const LAYER_REQUEST = new RegExp(`GET .*/blobs/${LAYER.digest}`);

interface Serving {
  readonly command: RunningCommand;
  readonly origin: string;
  readonly admin: string;
}

async function startServe(
  t: TestContext,
  registry: DemoRegistry,
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  const args = [
    "serve",
    "--listener=127.0.0.1:0=registry.test",
    `--registry=registry.test=${registry.url}`,
    "--admin-address=127.0.0.1:0",
    "--isolation=testing",
    ...flags,
  ];
  const command = startCommand(args, environment);
  t.after(() => command.kill());
  const { address } = await command.line("listening");
  const { admin } = await command.line("serving");
  return { command, origin: `http://${String(address)}`, admin: `http://${String(admin)}` };
}

async function startRegistry(t: TestContext, options: { faults?: readonly Fault[] } = {}): Promise<DemoRegistry> {
  const registry = await startDemoRegistry({ images: [IMAGE], ...options });
  t.after(() => registry.close());
  return registry;
}

function pullThrough(origin: string, signal?: AbortSignal) {
  return pull({ origin, repository: "demo/app", reference: "v1", store: new Set(), ...(signal && { signal }) });
}

/** Starts a pull whose layer stops half-way, and returns once the registry was asked for it. */
async function startStalledPull(t: TestContext, registry: DemoRegistry, { origin }: Serving) {
  const client = new AbortController();
  t.after(() => client.abort());
  const result = pullThrough(origin, client.signal).then(
    () => "whole",
    () => "failed",
  );
  await eventually("the layer is asked for", async () =>
    registry.requests.some(({ method, target }) => LAYER_REQUEST.test(`${method} ${target}`)) ? true : undefined,
  );
  return { result };
}

const STALL: readonly Fault[] = [{ request: LAYER_REQUEST, action: { kind: "stall", afterBytes: 1000 } }];

const STOPPING = "stopping: pulls under way may finish, a second signal stops at once";

async function readMetric(admin: string, start: string): Promise<readonly string[]> {
  const response = await fetch(`${admin}/metrics`);
  assert.equal(response.status, 200);
  return (await response.text()).split("\n").filter((line) => line.startsWith(start));
}

test("a pull through serve is one log line and one observation in each histogram, and SIGTERM ends it with 0", async (t) => {
  const registry = await startRegistry(t);
  const { command, origin, admin } = await startServe(t, registry);
  assert.equal((await fetch(`${admin}/readyz`)).status, 200);

  const pulled = await pullThrough(origin);
  assert.equal(pulled.layersFetched, 1);

  const line = await command.line("pull finished");
  assert.equal(line["repository"], "demo/app");
  assert.equal(line["status"], "ok");
  assert.equal(line["isolation"], "testing");
  const labels =
    'isolation="testing",registry="registry.test",status="ok",on_disk="false",has_creds="false",trigger="execution"';
  const origins = "buildbuddy_remote_execution_image_fetch_duration_usec_count";
  assert.deepEqual(await readMetric(admin, origins), [`${origins}{${labels}} 1`]);
  const own = "pullmeter_pull_duration_seconds_count";
  assert.deepEqual(await readMetric(admin, own), [`${own}{${labels}} 1`]);

  command.child.kill("SIGTERM");
  assert.equal(await command.exited, 0);
  assert.equal(command.lines.filter(({ msg }) => msg === "pull finished").length, 1);
});

test("a pull that is open when the drain time is over is observed before the process ends with 0", async (t) => {
  const registry = await startRegistry(t, { faults: STALL });
  const serving = await startServe(t, registry, ["--timeouts-drain", "100ms"]);
  const { result } = await startStalledPull(t, registry, serving);
  serving.command.child.kill("SIGTERM");
  assert.equal(await serving.command.exited, 0);
  assert.equal(await result, "failed");
  const finished = serving.command.lines.filter(({ msg }) => msg === "pull finished");
  assert.deepEqual(
    finished.map(({ status, cause }) => ({ status, cause })),
    [{ status: "error", cause: "shutdown" }],
  );
});

test("a pull that is whole but not yet decided is observed before the process ends", async (t) => {
  const registry = await startRegistry(t);
  const { command, origin } = await startServe(t, registry);
  const paths = [
    `manifests/v1`,
    `manifests/${IMAGE.root.digest}`,
    ...IMAGE.blobs.map(({ digest }) => `blobs/${digest}`),
  ];
  for (const [index, path] of paths.entries()) {
    const method = index === 0 ? "HEAD" : "GET";
    const headers = { "User-Agent": "containerd/v2.1.9" };
    const response = await fetch(`${origin}/v2/demo/app/${path}`, { method, headers });
    assert.equal(response.status, 200);
    await response.arrayBuffer();
  }
  command.child.kill("SIGTERM");
  assert.equal(await command.exited, 0);
  const finished = command.lines.filter(({ msg }) => msg === "pull finished");
  assert.deepEqual(
    finished.map(({ status, end_rule, layers_requested }) => ({ status, end_rule, layers_requested })),
    [{ status: "ok", end_rule: "flushed", layers_requested: 1 }],
  );
});

test("a transfer that runs when SIGTERM comes is finished, and not ready is what the probe says meanwhile", async (t) => {
  const delay: Fault = { request: LAYER_REQUEST, action: { kind: "delay", ms: 1500 } };
  const registry = await startRegistry(t, { faults: [delay] });
  const serving = await startServe(t, registry);
  const { result } = await startStalledPull(t, registry, serving);
  serving.command.child.kill("SIGTERM");
  await serving.command.line(STOPPING);
  assert.equal((await fetch(`${serving.admin}/readyz`)).status, 503);
  assert.equal((await fetch(`${serving.admin}/livez`)).status, 200);
  assert.equal(await result, "whole");
  assert.equal(await serving.command.exited, 0);
  const line = await serving.command.line("pull finished");
  assert.equal(line["status"], "ok");
});

test("a second signal ends the process at once, however long the drain time is", async (t) => {
  const registry = await startRegistry(t, { faults: STALL });
  const serving = await startServe(t, registry, ["--timeouts-drain", "1h"]);
  await startStalledPull(t, registry, serving);
  serving.command.child.kill("SIGTERM");
  await serving.command.line(STOPPING);
  const { child } = serving.command;
  // What comes right behind the first is the same one.
  await eventually("the process ends", async () => {
    child.kill("SIGTERM");
    return child.exitCode ?? undefined;
  });
  assert.equal(await serving.command.exited, 143);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} that a launcher passes on again is one signal`, async (t) => {
    const registry = await startRegistry(t);
    const { command } = await startServe(t, registry);
    command.child.kill(signal);
    command.child.kill(signal);
    assert.equal(await command.exited, 0);
  });
}

test("a wrong configuration is told whole on standard error, and nothing is served", async () => {
  const file = join(import.meta.dirname, "../fixtures/config/invalid-durations.yaml");
  const { code, stdout, stderr } = await runCommand(["serve", "--config", file, "--log-level", "loud"]);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  const places = stderr
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(`${file}:`, "").split(": ")[0]);
  assert.deepEqual(places, ["2", "3", "4", "5", "7", "8", "--log-level"]);
});

test("an address that is taken is named with its setting, everything else is given up, and the exit code is 1", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await once(taken, "listening");
  const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  const flags = ["--listener", "127.0.0.1:0", "--listener", `${address}=ghcr.io`, "--admin-address", "127.0.0.1:0"];
  const { code, stderr } = await runCommand(["serve", ...flags]);
  assert.equal(code, 1);
  const reason = "somebody listens there already (EADDRINUSE); --listener gives another";
  const message = `listeners[1].address: cannot listen on ${address}: ${reason}`;
  assert.equal((JSON.parse(stderr) as { msg: string }).msg, message);
  const admin = await runCommand(["serve", "--listener", "127.0.0.1:0", "--admin-address", address]);
  assert.equal(admin.code, 1);
  assert.match(admin.stderr, /admin\.address: cannot listen on .*; --admin-address gives another/);
});

test("a mistake in the program is logged and ends it with 1", async (t) => {
  const registry = await startRegistry(t);
  const mistake = 'process.on("SIGUSR2", () => { throw new Error("a mistake") })';
  const environment = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(mistake)}` };
  const { command } = await startServe(t, registry, [], environment);
  command.child.kill("SIGUSR2");
  assert.equal(await command.exited, 1);
  const line = await command.line("uncaught exception");
  assert.match(JSON.stringify(line["error"]), /a mistake/);
});

test("an output that nobody reads any more ends nothing and is no error", async (t) => {
  const entry = join(import.meta.dirname, "../support/command-line.ts");
  const child = spawn(process.execPath, [entry, "check-config"], { env: {}, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  child.stdout.destroy();
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  assert.deepEqual(await once(child, "close"), [0, null]);
  assert.equal(errors, "");
});
