import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/clients/process.ts";
import {
  Client,
  DIED,
  finishedPulls,
  IMAGE,
  LAYER,
  pidsOf,
  pullThrough,
  readMetrics,
  serverOf,
  STALL,
  startRegistry,
  startServe,
} from "../support/worker-serving.ts";

test("a client whose connections are in both workers makes one pull each time", async (t) => {
  const serving = await startServe(t, await startRegistry(t));
  for (let round = 1; round <= 10; round += 1) {
    const one = new Client(t, serving.origin);
    const other = new Client(t, serving.origin);
    assert.equal((await one.ask("/v2/")).status, 200);
    assert.equal((await other.ask("/v2/demo/app/manifests/v1")).status, 200);
    for (const [index, { digest }] of IMAGE.blobs.entries()) {
      const client = (index + round) % 2 === 0 ? one : other;
      assert.equal((await client.ask(`/v2/demo/app/blobs/${digest}`)).status, 200);
    }
    const servers = new Set([one, other].map((client) => serverOf(client, serving.port)));
    assert.deepEqual(servers, new Set(await pidsOf(serving, 2)));
    one.close();
    other.close();
    await eventually("the pull is over", async () =>
      finishedPulls(serving.command).length >= round ? true : undefined,
    );
  }
  const finished = finishedPulls(serving.command);
  assert.equal(finished.length, 10);
  for (const { status, layers_requested, end_rule } of finished) {
    assert.deepEqual(
      { status, layers_requested, end_rule },
      { status: "ok", layers_requested: 1, end_rule: "connections_closed" },
    );
  }
});

test("two workers count what one counts", async (t) => {
  const pulls = 8;
  const counted = await Promise.all(
    [1, 2].map(async (workers) => {
      const serving = await startServe(t, await startRegistry(t), [`--workers=${workers}`]);
      await Promise.all(Array.from({ length: pulls }, () => pullThrough(serving)));
      await eventually("all pulls are over", async () =>
        finishedPulls(serving.command).length >= pulls ? true : undefined,
      );
      return readMetrics(
        serving.admin,
        /^(?:pullmeter_(?:pull_duration_seconds_count|requests_total|response_bytes_total|pulls_|auth_|refused_|bounds_|unassigned|client_conn|pull_transferred)|buildbuddy.*_count)/,
      );
    }),
  );
  assert.deepEqual(counted[1], counted[0]);
  assert.ok(
    counted[0]?.some((line) => line.startsWith("pullmeter_pull_duration_seconds_count") && line.endsWith(` ${pulls}`)),
  );
});

test("a worker that is killed fails what it serves and nothing else, and another takes its place", async (t) => {
  const registry = await startRegistry(t, STALL);
  const serving = await startServe(t, registry, ["--timeouts-resume=200ms", "--timeouts-stall=1h"]);
  const { command, admin, origin, port } = serving;
  // Each of these has its layer in one worker.
  const clients = [new Client(t, origin), new Client(t, origin)];
  const layers = [];
  for (const client of clients) {
    assert.equal((await client.ask("/v2/")).status, 200);
    assert.equal((await client.ask("/v2/demo/app/manifests/v1")).status, 200);
    layers.push(
      client.ask(`/v2/demo/app/blobs/${LAYER.digest}`).then(
        () => "whole",
        () => "failed",
      ),
    );
  }
  await eventually("both layers are asked for", async () =>
    registry.requests.filter(({ target }) => target.endsWith(LAYER.digest)).length === 2 ? true : undefined,
  );
  const [killed, kept] = clients.map((client) => serverOf(client, port));
  assert.ok(killed !== undefined && kept !== undefined && killed !== kept);
  process.kill(killed, "SIGKILL");
  assert.equal(await layers[0], "failed");
  const died = await command.line(DIED);
  assert.equal(died["how"], "SIGKILL");
  const failed = await command.line("pull finished");
  assert.deepEqual([failed["status"], failed["cause"]], ["error", "proxy"]);
  assert.deepEqual(await readMetrics(admin, /^pullmeter_worker_restarts_total/), ["pullmeter_worker_restarts_total 1"]);

  const pids = await pidsOf(serving, 3);
  assert.equal(new Set(pids).size, 3);
  // What goes on is served by the other, which has one request open and one connection.
  assert.deepEqual(await readMetrics(admin, /^pullmeter_client_connections/), ["pullmeter_client_connections 1"]);
  clients[1]?.close();
  // The one in its place serves as well: connections are dealt out in turn.
  const next = [new Client(t, origin), new Client(t, origin)];
  for (const client of next) assert.equal((await client.ask("/v2/")).status, 200);
  assert.deepEqual(new Set(next.map((client) => serverOf(client, port))), new Set([kept, pids[2]]));
});
