import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { buildImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { pull } from "../../src/demo/puller.ts";
import { startDemoRegistry, type DemoRegistry } from "../../src/demo/registry.ts";
import { eventually } from "../support/clients/process.ts";
import { startCommand, type RunningCommand } from "../support/run-command.ts";

/** 1 MiB: more than the buffers between registry and client hold. */
const LAYER = buildLayer("layer", 1024 * 1024);
const IMAGE = buildImage({ repository: "demo/app", tag: "v1", layers: [LAYER] });

const RELOADED = "configuration reloaded";
const NOT_RELOADED = "configuration not reloaded: the one before goes on";

interface Serving {
  readonly command: RunningCommand;
  readonly file: string;
  readonly origin: string;
  readonly admin: string;
  /** Writes the file and sends SIGHUP; resolves when the log has told for the `count`-th time what became of it. */
  readonly reload: (text: string, message: string, count?: number) => Promise<readonly string[]>;
}

async function serve(t: TestContext, text: string): Promise<Serving> {
  const folder = await mkdtemp(join(tmpdir(), "pullmeter-reload-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "config.yaml");
  await writeFile(file, text);
  const command = startCommand(["serve", "--config", file, "--admin-address=127.0.0.1:0"]);
  t.after(() => command.kill());
  const { address } = await command.line("listening");
  const { admin } = await command.line("serving");
  return {
    command,
    file,
    origin: `http://${String(address)}`,
    admin: `http://${String(admin)}`,
    reload: async (next, message, count = 1) => {
      await writeFile(file, next);
      command.child.kill("SIGHUP");
      const told = () => command.lines.filter(({ msg }) => msg === message);
      await eventually(message, async () => (told().length >= count ? true : undefined));
      return (told().at(-1)?.["problems"] ?? []) as readonly string[];
    },
  };
}

async function startRegistry(t: TestContext, throttleBytesPerSecond?: number): Promise<DemoRegistry> {
  const registry = await startDemoRegistry({
    images: [IMAGE],
    ...(throttleBytesPerSecond !== undefined && { throttleBytesPerSecond }),
  });
  t.after(() => registry.close());
  return registry;
}

function config(upstream: string, more = ""): string {
  return [
    "listeners:",
    "  - { address: 127.0.0.1:0, registry: registry.test }",
    "registries:",
    `  registry.test: { upstream: "${upstream}" }`,
    more,
  ].join("\n");
}

function pullThrough(origin: string) {
  return pull({ origin, repository: "demo/app", reference: "v1", store: new Set() });
}

async function metric(admin: string, name: string): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

const SUCCESSFUL = "pullmeter_config_last_reload_successful";
const TIMESTAMP = "pullmeter_config_last_reload_success_timestamp_seconds";

test("on SIGHUP new rules hold for the next request, on connections that are open already as well", async (t) => {
  const registry = await startRegistry(t);
  const { origin, admin, command, reload } = await serve(t, config(registry.url));
  const other = `${origin}/v2/demo/app/manifests/v1`;
  assert.equal((await fetch(other, { method: "DELETE" })).status, 405);
  const startedAt = await metric(admin, TIMESTAMP);
  assert.equal(await metric(admin, SUCCESSFUL), 1);

  await reload(config(registry.url, "isolation: builds\nallowPush: true\nlog: { level: debug }"), RELOADED);
  assert.notEqual((await fetch(other, { method: "DELETE" })).headers.get("allow"), "GET, HEAD");
  await pullThrough(origin);
  assert.equal((await command.line("pull finished"))["isolation"], "builds");
  assert.ok((await metric(admin, TIMESTAMP)) > startedAt);
});

test("a pull that runs ends with the upstream where it began; the next one goes where the new rules say", async (t) => {
  const slow = await startRegistry(t, 1024 * 1024);
  const fast = await startRegistry(t);
  const { origin, reload } = await serve(t, config(slow.url));
  const running = pullThrough(origin);
  await eventually("the layer is on its way", async () =>
    slow.requests.some(({ target }) => target.endsWith(LAYER.digest)) ? true : undefined,
  );
  await reload(config(fast.url), RELOADED);
  assert.equal((await running).layersFetched, 1);
  const { length } = slow.requests;
  assert.equal((await pullThrough(origin)).layersFetched, 1);
  assert.equal(slow.requests.length, length);
  assert.ok(fast.requests.length > 0);
});

test("a bad file changes nothing, and is told with its line and as a metric until a good one comes", async (t) => {
  const registry = await startRegistry(t);
  const { origin, admin, file, reload } = await serve(t, config(registry.url));
  const startedAt = await metric(admin, TIMESTAMP);
  const problems = await reload(config("http://127.0.0.1:1", "timeouts: { connect: soon }"), NOT_RELOADED);
  assert.equal(problems.length, 1);
  assert.ok(problems[0]?.startsWith(`${file}:5: timeouts.connect: not a duration in range`), problems[0]);
  assert.equal(await metric(admin, SUCCESSFUL), 0);
  assert.equal(await metric(admin, TIMESTAMP), startedAt);
  assert.equal((await pullThrough(origin)).layersFetched, 1);

  await reload(config(registry.url), RELOADED);
  assert.equal(await metric(admin, SUCCESSFUL), 1);
});

test("what needs a restart refuses the whole file", async (t) => {
  const registry = await startRegistry(t);
  const { command, origin, admin, file, reload } = await serve(t, config(registry.url, "isolation: before"));
  const more = "isolation: after\nlimits: { headerBytes: 8192 }";
  const problems = await reload(config("http://127.0.0.1:1", more), NOT_RELOADED);
  assert.deepEqual(problems, [`${file}:6: limits.headerBytes: changed; needs a restart`]);
  assert.equal(await metric(admin, SUCCESSFUL), 0);
  await pullThrough(origin);
  assert.equal((await command.line("pull finished"))["isolation"], "before");
});

test("a file that is written is read without a signal", async (t) => {
  const registry = await startRegistry(t);
  const { command, origin, file } = await serve(t, config(registry.url));
  await writeFile(file, config(registry.url, "isolation: builds"));
  assert.equal((await command.line(RELOADED))["reason"], "file change");
  await pullThrough(origin);
  assert.equal((await command.line("pull finished"))["isolation"], "builds");
});

test("files that the configuration names are read again with it", async (t) => {
  const registry = await startRegistry(t);
  const { command, admin, file, reload } = await serve(t, config(registry.url));
  const pem = await import("../support/tls.ts").then(({ TEST_TLS }) => TEST_TLS.ca);
  await writeFile(join(file, "../ca.pem"), pem);
  await reload(`${config(registry.url)}\n  other.test: { upstream: "https://127.0.0.1:1", caFile: ca.pem }`, RELOADED);
  await writeFile(join(file, "../ca.pem"), "no certificate");
  const { problems } = await command.line(NOT_RELOADED);
  assert.match(String(problems), /caFile: no certificates in it/);
  assert.equal(await metric(admin, SUCCESSFUL), 0);
});

test("what is taken over is warned of as at the start", async (t) => {
  const registry = await startRegistry(t);
  const { command, reload } = await serve(t, config(registry.url));
  await reload(`${config(registry.url)}\n  "10.0.0.7:5000": {}`, RELOADED);
  const warning = await command.line(
    "every request is refused: not a public address; expected allowPrivateAddresses: true, or an upstream",
  );
  assert.deepEqual(warning["registries"], ["10.0.0.7:5000"]);
});
