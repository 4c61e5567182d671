import assert from "node:assert/strict";
import { test } from "node:test";
import type { TransferEvent } from "../../../src/pull/transfer-event.ts";
import { OpenEnds } from "../../../src/workers/open-ends.ts";
import { closed, finished, opened, started } from "./events.ts";

test("a worker that dies owes the end of what it had begun, requests before their connections, and nothing else", () => {
  const ends = new OpenEnds();
  for (const event of [
    opened(1, 1000),
    opened(2, 1000),
    started(1, 1, 1001),
    started(2, 2, 1001),
    started(3, 2, 1002),
    finished(2, 1003),
    closed(1, 1003),
  ])
    ends.follow(event);
  assert.equal(ends.transfers, 2);
  const failed = { type: "failed", atMs: 2000, bytes: 0, failure: "proxy" };
  assert.deepEqual(ends.end(2000), [{ ...failed, transfer: 1 }, { ...failed, transfer: 3 }, closed(2, 2000)]);
  assert.deepEqual(ends.end(2001), []);
  assert.equal(ends.transfers, 0);
});

test("a circuit that it had not closed is closed, because nobody knows it any more", () => {
  const circuit = { type: "circuit-changed", atMs: 1000, registry: "registry.test", host: "one.test" } as const;
  const ends = new OpenEnds();
  const changes: readonly TransferEvent[] = [
    { ...circuit, state: "open" },
    { ...circuit, host: "two.test", state: "open" },
    { ...circuit, state: "half_open" },
    { ...circuit, host: "two.test", state: "closed" },
  ];
  for (const change of changes) ends.follow(change);
  assert.deepEqual(ends.end(2000), [{ ...circuit, atMs: 2000, state: "closed" }]);
});
