import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { TransferEvent } from "../../../src/pull/transfer-event.ts";
import { Numbering } from "../../../src/workers/numbering.ts";
import { closed, finished, opened, started } from "./events.ts";

function household(workers: number): readonly Numbering[] {
  const last = { connection: 0, transfer: 0 };
  return Array.from({ length: workers }, () => new Numbering(last));
}

test("two workers that both count from 1 share no number, and a higher one began later", () => {
  const [one, other] = household(2);
  const told = [
    one?.renumber(opened(1, 1000)),
    other?.renumber(opened(1, 1000)),
    other?.renumber(started(1, 1, 1001)),
    one?.renumber(started(1, 1, 1002)),
    other?.renumber(finished(1, 1003)),
    one?.renumber(finished(1, 1003)),
    one?.renumber(closed(1, 1004)),
  ];
  assert.deepEqual(told, [
    opened(1, 1000),
    opened(2, 1000),
    started(1, 2, 1001),
    started(2, 1, 1002),
    finished(1, 1003),
    finished(2, 1003),
    closed(1, 1004),
  ]);
});

test("an exchange that is told after its transfer ended is nobody else's", () => {
  const [one] = household(1);
  one?.renumber(started(1, 1, 1000));
  one?.renumber(finished(1, 1001));
  const late: TransferEvent = {
    type: "upstream-exchanged",
    atMs: 1002,
    transfer: 1,
    registry: "registry.test",
    host: "registry.test",
    outcome: "client_aborted",
    headMs: 1,
  };
  assert.deepEqual(one?.renumber(late), { ...late, transfer: 2 });
  assert.deepEqual(one?.renumber(started(2, 1, 1003)), started(3, 1, 1003));
});

test("whatever workers begin and end, each event keeps to the transfer and the connection that it began with", () => {
  const steps = fc.array(fc.record({ worker: fc.nat(2), ends: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (taken) => {
      const numberings = household(3);
      const counts = [0, 0, 0];
      const open = [new Map<number, number>(), new Map<number, number>(), new Map<number, number>()];
      let highest = 0;
      for (const { worker, ends } of taken) {
        const numbering = numberings[worker]!;
        const mine = open[worker]!;
        const [oldest] = mine.keys();
        if (ends && oldest !== undefined) {
          const end = numbering.renumber(finished(oldest, 0));
          assert.equal("transfer" in end && end.transfer, mine.get(oldest));
          mine.delete(oldest);
          continue;
        }
        counts[worker]! += 1;
        const begin = numbering.renumber(started(counts[worker]!, 1, 0));
        assert.ok(begin.type === "started" && begin.transfer > highest);
        highest = begin.transfer;
        mine.set(counts[worker]!, begin.transfer);
      }
    }),
  );
});
