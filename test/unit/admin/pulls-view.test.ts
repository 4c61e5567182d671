import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createPullsView } from "../../../src/admin/pulls-view.ts";
import type { LivePull } from "../../../src/pull/pull-event.ts";
import { finishedPull, START_MS } from "../../support/finished-pull.ts";

function harness({ live = [] as readonly LivePull[], keep = 3 } = {}) {
  const view = createPullsView({ live: () => live, now: () => START_MS + 2000, keep });
  return { finish: (id: string) => view.observe({ type: "pull-finished", pull: finishedPull({ id }) }), view };
}

test("before any pull both lists are empty", () => {
  assert.deepEqual(JSON.parse(harness().view.toJson()), { live_count: 0, live: [], finished: [] });
});

test("the last finished pulls are kept, newest first, with the records of the pull log", () => {
  const { finish, view } = harness();
  for (const id of ["1", "2", "3", "4", "5"]) finish(id);
  const { finished } = JSON.parse(view.toJson());
  assert.deepEqual(
    finished.map(({ id }: { id: string }) => id),
    ["5", "4", "3"],
  );
  assert.equal(finished[0].schema, "pullmeter.pull/v1");
});

test("none are kept where none are wanted", () => {
  const { finish, view } = harness({ keep: 0 });
  finish("1");
  assert.deepEqual(JSON.parse(view.toJson()).finished, []);
});

const LIVE: LivePull = {
  id: "7",
  registry: "us.gcr.io:443",
  repository: "p/i",
  reference: "v1",
  listener: "shared",
  client: { address: "127.0.0.1", family: "podman", userAgent: "podman/5" },
  state: "fetching",
  startMs: START_MS,
  lastEventMs: START_MS + 1900,
  attempts: 1,
  openTransfers: 2,
  bytes: 12,
  layersRequested: 1,
};

test("a live pull whose request named no registry has no host", () => {
  const [live] = JSON.parse(harness({ live: [{ ...LIVE, registry: "" }] }).view.toJson()).live;
  assert.equal("registry_host" in live, false);
});

test("a live pull tells who pulls what from where, since when", () => {
  const json = JSON.parse(harness({ live: [LIVE] }).view.toJson());
  assert.equal(json.live_count, 1);
  assert.deepEqual(json.live[0], {
    id: "7",
    state: "fetching",
    registry: "gcr.io",
    attempts: 1,
    registry_host: "us.gcr.io:443",
    repository: "p/i",
    reference: "v1",
    listener: "shared",
    client_address: "127.0.0.1",
    client_family: "podman",
    start: "2026-01-01T00:00:00.000Z",
    age_ms: 2000,
    idle_ms: 100,
    bytes: 12,
    open_requests: 2,
    layers_requested: 1,
  });
});

test("docs/pull-log.md describes every field of a live pull", () => {
  const docs = readFileSync(join(import.meta.dirname, "../../../docs/pull-log.md"), "utf8");
  const [live] = JSON.parse(harness({ live: [LIVE] }).view.toJson()).live;
  assert.deepEqual(
    Object.keys(live).filter((name) => !docs.includes(`| \`${name}\` |`)),
    [],
  );
});

test("a flood of live pulls is counted whole and listed in part", () => {
  const live = Array.from({ length: 5000 }, (_, index) => ({ ...LIVE, id: String(index) }));
  const json = JSON.parse(harness({ live }).view.toJson());
  assert.equal(json.live_count, 5000);
  assert.equal(json.live.length, 1000);
});
