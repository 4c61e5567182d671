import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { readRecording } from "../../../src/cli/recording.ts";
import { PhaseClock, toPhases } from "../../../src/pull/phases.ts";
import type { AnsweredPing } from "../../../src/pull/pings.ts";
import type { FinishedPull } from "../../../src/pull/pull-event.ts";
import { PullTracker } from "../../../src/pull/tracker.ts";
import type { TransferEvent } from "../../../src/pull/transfer-event.ts";
import { finishedBlob, finishedPull } from "../../support/finished-pull.ts";
import { readExpectations, readHeavyRuns } from "../../support/wire.ts";

/** 1 microsecond: what sums of milliseconds since 1970 lose by rounding. */
const ROUNDING_MS = 0.001;

function sumOf(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, spentMs) => sum + spentMs, 0);
}

function ping(startMs: number, answeredMs: number, isChallenge: boolean): AnsweredPing {
  const identity = { transfer: 0, connection: 1, registry: "ghcr.io", credentials: "none" } as const;
  return { ...identity, startMs, answeredMs, isChallenge };
}

test("each moment belongs to the last stage that has begun, and waiting for a token to none of them", () => {
  const clock = new PhaseClock(0);
  clock.claim(ping(0, 1, true));
  clock.request("resolve", "manifest", 3);
  clock.respond({ purpose: "resolve", status: 200 }, 7);
  clock.end({ status: 200 }, 0, 8);
  clock.request("manifest", "manifest", 9);
  clock.request("blob", "config", 20);
  clock.end({ status: 200 }, 1, 25);
  clock.end({ status: 401 }, 0, 30);
  clock.request("blob", "layer", 62);
  clock.request("blob", "config", 63);
  clock.end({ status: 200 }, 1, 120);
  clock.end({ status: 401 }, 1, 126);
  clock.end({ status: 401 }, 0, 190);
  assert.deepEqual(clock.parts, { resolve: 1 + 4, auth: 2 + 32, manifest: 13, config: 10, layers: 128 });
});

test("a resolve that fails is resolving still, and a HEAD that is answered ends it", () => {
  const clock = new PhaseClock(100);
  clock.request("resolve", "manifest", 100);
  clock.respond({ purpose: "resolve", status: 500 }, 101);
  clock.end({ status: 500 }, 0, 102);
  clock.request("resolve", "manifest", 110);
  clock.respond({ purpose: "resolve", status: 200 }, 115);
  clock.end({ status: 200 }, 0, 116);
  assert.deepEqual(clock.parts, { resolve: 15, auth: 0, manifest: 1, config: 0, layers: 0 });
});

test("a whole pull that is repeated resolves again from its ping on", () => {
  const clock = new PhaseClock(0);
  clock.request("blob", "layer", 0);
  clock.end({ status: 502 }, 0, 10);
  clock.claim(ping(1010, 1015, false));
  clock.request("resolve", "manifest", 1020);
  clock.end({ status: 404 }, 0, 1050);
  assert.deepEqual(clock.parts, { resolve: 40, auth: 0, manifest: 0, config: 0, layers: 1010 });
});

test("a ping that begins before the last response ends takes nothing back", () => {
  const clock = new PhaseClock(0);
  clock.request("blob", "layer", 0);
  clock.end({ status: 502 }, 0, 10);
  clock.claim(ping(4, 15, false));
  clock.request("resolve", "manifest", 20);
  clock.end({ status: 404 }, 0, 20);
  assert.deepEqual(clock.parts, { resolve: 10, auth: 0, manifest: 0, config: 0, layers: 10 });
});

test("what a pull does after its last response is no part of it", () => {
  const clock = new PhaseClock(0);
  clock.claim(ping(0, 4, true));
  clock.request("resolve", "manifest", 10);
  clock.respond({ purpose: "resolve", status: 200 }, 50);
  assert.equal(sumOf(clock.parts), 10);
  assert.equal(clock.parts.auth, 6);
  clock.end({ status: 200 }, 0, 60);
  clock.request("blob", "layer", 70);
  assert.equal(sumOf(clock.parts), 60);
});

const PARTS = { resolve: 1, auth: 0, manifest: 2, config: 0, layers: 3 };

test("commit runs to the last close, of those only that commit something", () => {
  const held = finishedPull({ blobs: [], endRule: "connections_closed" });
  const lastCloseMs = held.endMs + 700;
  const phases = { resolve: 1, manifest: 2, layers: 3 };
  assert.deepEqual(toPhases(PARTS, { ...held, lastCloseMs }), { ...phases, commit: 700 });
  assert.deepEqual(toPhases(PARTS, { ...held, lastCloseMs, layersRequested: 0 }), phases);
  assert.deepEqual(toPhases(PARTS, { ...held, lastCloseMs, cause: "truncated" }), phases);
  assert.deepEqual(toPhases(PARTS, { ...held, lastCloseMs, endRule: "flushed" }), phases);
  assert.deepEqual(toPhases(PARTS, held), phases);
});

test("who waits for what another pull reads waits for layers; the longest wait for a blob's head is told beside", () => {
  const { startMs, ...blob } = finishedBlob();
  const waited = (spentMs: number) => ({ ...blob, startMs, firstByteMs: startMs + spentMs });
  const blobs = [waited(5), waited(20), { ...waited(99), role: "manifest" as const }];
  const pull = finishedPull({ blobs });
  assert.deepEqual(toPhases(PARTS, { ...pull, ownEndMs: pull.endMs - 30 }), {
    resolve: 1,
    manifest: 2,
    layers: 33,
    first_byte: 20,
  });
});

/** The pulls of a recording that ends, for the tracker, after `count` events. */
function pullsOf(events: readonly TransferEvent[], count = events.length): FinishedPull[] {
  const finished: FinishedPull[] = [];
  const tracker = new PullTracker({
    report: (event) => {
      if (event.type === "pull-finished") finished.push(event.pull);
    },
  });
  let lastMs = 0;
  for (const event of events.slice(0, count)) {
    tracker.observe(event);
    lastMs = Math.max(lastMs, event.atMs);
  }
  tracker.flush(lastMs + 1);
  return finished;
}

function assertAddsUp({ id, phases = {}, startMs, endMs }: FinishedPull): void {
  const { first_byte: _, commit: __, ...parts } = phases;
  assert.ok(
    Object.values(phases).every((spentMs) => spentMs > 0),
    `${id}: ${JSON.stringify(phases)}`,
  );
  const sum = sumOf(parts);
  assert.ok(Math.abs(sum - (endMs - startMs)) < ROUNDING_MS, `${id}: ${sum} of ${endMs - startMs}`);
}

suite("the parts of every pull add up to its duration", () => {
  const recordings = readExpectations().map(({ path }) => readRecording(path));

  test("in the recordings of one client, wherever they break off", () => {
    const anyRecording = fc.constantFrom(...recordings.filter((events) => events.length > 0));
    fc.assert(
      fc.property(anyRecording, fc.double({ min: 0, max: 1, noNaN: true }), (events, share) => {
        for (const pull of pullsOf(events, Math.ceil(share * events.length))) assertAddsUp(pull);
      }),
      { numRuns: 300 },
    );
    for (const events of recordings) for (const pull of pullsOf(events)) assertAddsUp(pull);
  });

  test("in concurrent runs with faults, joined and repeated pulls; and every phase is seen", () => {
    const pulls = readHeavyRuns().flatMap(({ recording }) => pullsOf(readRecording(recording)));
    for (const pull of pulls) assertAddsUp(pull);
    assert.ok(
      pulls.some(({ ownEndMs }) => ownEndMs !== undefined),
      "joined",
    );
    assert.ok(
      pulls.some(({ attempts }) => attempts > 1),
      "repeated",
    );
    const seen = new Set(pulls.flatMap(({ phases = {} }) => Object.keys(phases)));
    assert.deepEqual([...seen].toSorted(), ["auth", "commit", "config", "first_byte", "layers", "manifest", "resolve"]);
  });
});
