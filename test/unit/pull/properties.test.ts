import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readRecording } from "../../../src/cli/recording.ts";
import { replayEvents, type ReplayedPull } from "../../../src/cli/replay.ts";
import { PullTracker } from "../../../src/pull/tracker.ts";
import type { TransferEvent } from "../../../src/pull/transfer-event.ts";
import { readExpectations, readHeavyRuns } from "../../support/wire.ts";

const recordings = readExpectations()
  .map(({ path }) => readRecording(path))
  .filter((events) => events.length > 0);
const heavy = readHeavyRuns().filter(({ name }) => name === "seed23-faults");
const runs = heavy.map(({ recording }) => readRecording(recording));

const anyRecording = fc.constantFrom(...recordings);

/** The recording as another client's: its own address and its own numbers, some time later. */
function asClient(events: readonly TransferEvent[], client: number, laterMs: number): TransferEvent[] {
  const base = client * 1_000_000;
  return events.map((event): TransferEvent => {
    const atMs = event.atMs + laterMs;
    switch (event.type) {
      case "connection-opened":
        return { ...event, atMs, connection: event.connection + base, remoteAddress: `10.0.0.${client}` };
      case "connection-closed":
        return { ...event, atMs, connection: event.connection + base };
      case "started":
        return {
          ...event,
          atMs,
          transfer: event.transfer + base,
          connection: event.connection + base,
          remoteAddress: `10.0.0.${client}`,
        };
      case "responded":
      case "finished":
      case "failed":
      case "upstream-exchanged":
      case "upstream-repeated":
        return { ...event, atMs, transfer: event.transfer + base };
      case "token-answered":
        return { ...event, atMs, transfer: event.transfer + base, connection: event.connection + base };
      case "circuit-changed":
      case "refused":
        return { ...event, atMs };
    }
  });
}

/** What a pull is, without what depends on the manifests that other clients have shown to the proxy. */
function essence(pull: ReplayedPull): object {
  return { ...pull, layersOnDisk: undefined };
}

function byRequest(left: ReplayedPull, right: ReplayedPull): number {
  return left.startMs - right.startMs || (left.requests[0] ?? 0) - (right.requests[0] ?? 0);
}

test("pulls of different clients are the same at once as each alone", () => {
  const several = fc.array(fc.tuple(anyRecording, fc.nat({ max: 5_000 })), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(several, (chosen) => {
      const clients = chosen.map(([events, laterMs], at) => asClient(events, at + 1, laterMs));
      const alone = clients.flatMap((events) => replayEvents(events));
      const together = replayEvents(clients.flat().toSorted((left, right) => left.atMs - right.atMs));
      assert.deepEqual(together.toSorted(byRequest).map(essence), alone.toSorted(byRequest).map(essence));
    }),
    { numRuns: 150 },
  );
});

test("the order of simultaneous events on different connections does not change how many pulls there are", () => {
  fc.assert(
    fc.property(anyRecording, fc.infiniteStream(fc.nat({ max: 1_000 })), (events, numbers) => {
      const shuffled = shuffleSimultaneous(events, () => numbers.next().value);
      assert.equal(replayEvents(shuffled).length, replayEvents(events).length);
    }),
    { numRuns: 300 },
  );
});

/** Moves events of one millisecond about, each connection's in their order. */
function shuffleSimultaneous(events: readonly TransferEvent[], random: () => number): TransferEvent[] {
  const connectionOf = new Map(
    events.flatMap((event) => (event.type === "started" ? [[event.transfer, event.connection] as const] : [])),
  );
  const keyOf = (event: TransferEvent): number | undefined => {
    if ("connection" in event) return event.connection;
    return "transfer" in event ? connectionOf.get(event.transfer) : undefined;
  };
  return [...Map.groupBy(events, ({ atMs }) => atMs).values()].flatMap((group) => {
    const queues = [...Map.groupBy(group, keyOf).values()].map((queue) => [...queue]);
    const mixed: TransferEvent[] = [];
    while (queues.some((queue) => queue.length > 0)) {
      const waiting = queues.filter((queue) => queue.length > 0);
      const event = waiting[random() % waiting.length]?.shift();
      if (event !== undefined) mixed.push(event);
    }
    return mixed;
  });
}

/** What may happen to events on their way. */
const damage = fc.record({
  drop: fc.constantFrom(0, 0.05, 0.3),
  repeat: fc.constantFrom(0, 0.05, 0.3),
  swap: fc.constantFrom(0, 0.1),
  cutAfter: fc.oneof(fc.constant(1), fc.noBias(fc.double({ min: 0, max: 1, noNaN: true }))),
  clockStepMs: fc.oneof(fc.constant(0), fc.integer({ min: -86_400_000, max: 86_400_000 }), fc.constant(Number.NaN)),
  clockStepAt: fc.noBias(fc.double({ min: 0, max: 1, noNaN: true })),
  dice: fc.infiniteStream(fc.noBias(fc.nat({ max: 999 }))),
});

type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function damaged(events: readonly TransferEvent[], how: Damage): TransferEvent[] {
  const hits = (share: number): boolean => how.dice.next().value < 1_000 * share;
  const kept = events.slice(0, Math.ceil(events.length * how.cutAfter));
  const stepAt = Math.floor(kept.length * how.clockStepAt);
  const result: TransferEvent[] = [];
  for (const [at, event] of kept.entries()) {
    if (hits(how.drop)) continue;
    const stepped = at < stepAt ? event : { ...event, atMs: event.atMs + how.clockStepMs };
    result.push(stepped);
    if (hits(how.repeat)) result.push(stepped);
    const before = result.at(-2);
    if (before !== undefined && hits(how.swap)) result.splice(-2, 2, stepped, before);
  }
  return result;
}

for (const [name, source, numRuns] of [
  ["one client", anyRecording, 1_000],
  ["many at once", fc.constantFrom(...runs), 150],
] as const) {
  test(`damaged events of ${name} lose no pull and invent none: what was announced is observed once`, () => {
    fc.assert(
      fc.property(source, damage, fc.boolean(), (events, how, small) => {
        const announced: string[] = [];
        const observed: string[] = [];
        const tracker = new PullTracker({
          report: (event) => {
            if (event.type === "pull-started") announced.push(event.id);
            if (event.type !== "pull-finished") return;
            observed.push(event.pull.id);
            assert.ok(event.pull.endMs >= event.pull.startMs);
            assert.ok(event.pull.decidedMs >= event.pull.endMs);
          },
          ...(small
            ? { settings: { maxPulls: 2, maxBlobsPerPull: 3, maxOpenTransfers: 3, maxClients: 1, maxPings: 1 } }
            : {}),
        });
        for (const event of damaged(events, how)) tracker.observe(event);
        tracker.flush(0);
        assert.deepEqual(observed.toSorted(), announced.toSorted());
        assert.equal(new Set(observed).size, observed.length);
        assert.deepEqual(tracker.live(), []);
      }),
      { numRuns },
    );
  });
}
