import assert from "node:assert/strict";
import { test } from "node:test";
import { createPullsView, type LivePullFacts } from "../../../src/admin/pulls-view.ts";
import { finishedPull, START_MS } from "../../support/finished-pull.ts";

function harness({ live = [] as readonly LivePullFacts[], keep = 3 } = {}) {
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

test("a live pull tells who pulls what from where, since when", () => {
  const { listener, client, isolation, trigger, attempts, bytes } = finishedPull();
  const live = [
    { id: "7", registry: "us.gcr.io:443", repository: "p/i", reference: "v1", startMs: START_MS },
    {
      id: "8",
      registry: "ghcr.io",
      repository: "o/a",
      reference: "v2",
      startMs: START_MS + 9000,
      listener,
      client,
      isolation,
      trigger,
      attempts,
      bytes,
    },
  ];
  const json = JSON.parse(harness({ live }).view.toJson());
  assert.equal(json.live_count, 2);
  assert.deepEqual(json.live[0], {
    id: "7",
    registry: "gcr.io",
    registry_host: "us.gcr.io:443",
    repository: "p/i",
    reference: "v1",
    start: "2026-01-01T00:00:00.000Z",
    age_ms: 2000,
  });
  assert.equal(json.live[1].client_address, "127.0.0.1");
  assert.equal(json.live[1].age_ms, 0);
});

test("a flood of live pulls is counted whole and listed in part", () => {
  const live = Array.from({ length: 5000 }, (_, index) => ({ ...finishedPull(), id: String(index) }));
  const json = JSON.parse(harness({ live }).view.toJson());
  assert.equal(json.live_count, 5000);
  assert.equal(json.live.length, 1000);
});
