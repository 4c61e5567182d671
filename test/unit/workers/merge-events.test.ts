import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { TransferEvent } from "../../../src/pull/transfer-event.ts";
import { EventMerger } from "../../../src/workers/merge-events.ts";
import { closed } from "./events.ts";

function observed() {
  const events: TransferEvent[] = [];
  return { events, observe: (event: TransferEvent) => void events.push(event) };
}

test("an event of one worker waits for an earlier one that another tells later", () => {
  const merger = new EventMerger();
  const { events, observe } = observed();
  merger.add([closed(2, 1002)], observe);
  merger.pass(1001);
  assert.deepEqual(events, []);
  assert.equal(merger.isEmpty, false);
  merger.add([closed(1, 1001)], observe);
  merger.pass(1002);
  assert.deepEqual(events, [closed(1, 1001), closed(2, 1002)]);
  assert.equal(merger.isEmpty, true);
});

test("what comes later than was waited for is passed on all the same", () => {
  const merger = new EventMerger();
  const { events, observe } = observed();
  merger.add([closed(2, 1002)], observe);
  merger.pass(2000);
  merger.add([closed(1, 1001)], observe);
  merger.pass(2000);
  assert.deepEqual(events, [closed(2, 1002), closed(1, 1001)]);
});

/** Pauses before each event of each worker, and which worker tells its next one, in turn. */
const TOLD = fc.record({
  workers: fc.array(fc.array(fc.nat(20), { maxLength: 20 }), { minLength: 1, maxLength: 4 }),
  turns: fc.array(fc.nat(3), { maxLength: 80 }),
});

test("however late workers tell, what is passed on until all have told is in the order of time, each worker's own order stays, and nothing is lost", () => {
  fc.assert(
    fc.property(TOLD, ({ workers, turns }) => {
      const merger = new EventMerger();
      const { events, observe } = observed();
      const queues = workers.map((pauses, worker) => {
        let atMs = 1000;
        return pauses.map((pause, index) => closed(worker * 1000 + index, (atMs += pause)));
      });
      const all = queues.flat();
      // A worker with nothing left to tell has told everything.
      const toldUntil = queues.map((queue) => (queue.length === 0 ? Number.POSITIVE_INFINITY : 0));
      for (const turn of turns) {
        const worker = turn % queues.length;
        const event = queues[worker]?.shift();
        if (event === undefined) continue;
        merger.add([event], observe);
        // The next of the same time may still be coming.
        toldUntil[worker] = queues[worker]?.length === 0 ? Number.POSITIVE_INFINITY : event.atMs - 1;
        merger.pass(Math.min(...toldUntil));
      }
      for (const queue of queues) merger.add(queue, observe);
      merger.flush();
      assert.equal(events.length, all.length);
      assert.ok(events.every((event, index) => index === 0 || events[index - 1]!.atMs <= event.atMs));
      const told = events.flatMap((event) => ("connection" in event ? [event.connection] : []));
      for (const worker of workers.keys()) {
        const own = told.filter((connection) => Math.floor(connection / 1000) === worker);
        assert.deepEqual(
          own,
          own.toSorted((one, other) => one - other),
        );
      }
    }),
  );
});
