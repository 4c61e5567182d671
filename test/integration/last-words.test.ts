import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { buildImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { pull } from "../../src/demo/puller.ts";
import { startDemoRegistry } from "../../src/demo/registry.ts";
import { eventually } from "../support/clients/process.ts";
import { startCommand } from "../support/run-command.ts";

const IMAGE = buildImage({ repository: "demo/app", tag: "v1", layers: [buildLayer("layer", 10_000)] });

async function serve(t: TestContext, flags: readonly string[]) {
  const registry = await startDemoRegistry({ images: [IMAGE] });
  t.after(() => registry.close());
  const args = ["--listener=127.0.0.1:0=registry.test", `--registry=registry.test=${registry.url}`];
  const command = startCommand(["serve", ...args, "--admin-address=127.0.0.1:0", ...flags]);
  t.after(() => command.kill());
  const { address } = await command.line("listening");
  const { admin } = await command.line("serving");
  const pullOnce = () =>
    pull({ origin: `http://${String(address)}`, repository: "demo/app", reference: "v1", store: new Set() });
  return { command, admin: `http://${String(admin)}`, pullOnce };
}

interface Pushed {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** A Pushgateway that keeps what it is sent; status 0: it never answers. */
async function startGateway(t: TestContext, status = 200) {
  const pushed: Pushed[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const { method = "", url = "", headers } = request;
      pushed.push({ method, url, headers, body });
      if (status !== 0) response.writeHead(status).end();
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  return { pushed, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/gateway` };
}

const OBSERVED = /^pullmeter_pull_duration_seconds_count\{.*registry="registry.test".*\} 1$/m;

test("with linger the process ends when its last state was scraped, and every pull is in it", async (t) => {
  const { command, admin, pullOnce } = await serve(t, ["--admin-linger=1h"]);
  await pullOnce();
  command.child.kill("SIGTERM");
  await eventually("it lingers", async () => {
    const { state } = (await (await fetch(`${admin}/readyz`)).json()) as { state: string };
    return state === "lingering" ? true : undefined;
  });
  assert.equal((await fetch(`${admin}/metrics`, { method: "HEAD" })).status, 200);
  const scrape = await (await fetch(`${admin}/metrics`)).text();
  assert.match(scrape, OBSERVED);
  assert.match(scrape, /^pullmeter_pulls_in_progress 0$/m);
  assert.equal(await command.exited, 0);
});

test("when nobody scrapes, lingering ends with its time", async (t) => {
  const { command, pullOnce } = await serve(t, ["--admin-linger=100ms"]);
  await pullOnce();
  command.child.kill("SIGTERM");
  assert.equal(await command.exited, 0);
});

test("a process that ends pushes its metrics to the group of its job and instance", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "pullmeter-push-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "headers"), "Authorization: Bearer canary-token\n");
  const gateway = await startGateway(t);
  const flags = [`--push-url=${gateway.url}`, `--push-headers-file=${join(folder, "headers")}`];
  const { command, pullOnce } = await serve(t, [...flags, "--push-job=builds", "--push-instance=builder-7"]);
  await pullOnce();
  command.child.kill("SIGTERM");
  assert.equal(await command.exited, 0);
  assert.equal(gateway.pushed.length, 1);
  const [{ method, url, headers, body }] = gateway.pushed as [Pushed];
  assert.deepEqual([method, url], ["POST", "/gateway/metrics/job/builds/instance/builder-7"]);
  assert.deepEqual(
    [headers["authorization"], headers["content-type"]],
    ["Bearer canary-token", "text/plain; version=0.0.4"],
  );
  assert.match(body, OBSERVED);
  assert.ok(!JSON.stringify(command.lines).includes("canary"), "no header is logged");
});

for (const [name, status, detail] of [
  ["refuses", 400, "the Pushgateway answered 400"],
  ["never answers", 0, "no answer in 3 s"],
] as const) {
  test(`a Pushgateway that ${name} is told in the log, and keeps no process from ending with 0`, async (t) => {
    const gateway = await startGateway(t, status);
    const { command } = await serve(t, [`--push-url=${gateway.url}`]);
    command.child.kill("SIGTERM");
    assert.equal(await command.exited, 0);
    assert.equal((await command.line("metrics not pushed"))["detail"], detail);
  });
}

test("a Pushgateway that is not there is told in the log, and keeps no process from ending with 0", async (t) => {
  const { command } = await serve(t, ["--push-url=http://127.0.0.1:1"]);
  command.child.kill("SIGTERM");
  assert.equal(await command.exited, 0);
  const line = await command.line("metrics not pushed");
  assert.deepEqual(
    [line["host"], line["detail"]],
    ["127.0.0.1:1", "127.0.0.1:1: the connection failed (ECONNREFUSED)"],
  );
});
