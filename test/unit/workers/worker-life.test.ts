import assert from "node:assert/strict";
import { test } from "node:test";
import type { TransferEvent } from "../../../src/pull/transfer-event.ts";
import { JointCircuits } from "../../../src/workers/joint-circuits.ts";
import { EventMerger } from "../../../src/workers/merge-events.ts";
import type { Start, ToPrimary, ToWorker } from "../../../src/workers/messages.ts";
import { WorkerLife } from "../../../src/workers/worker-life.ts";
import type { WorkerProcess } from "../../../src/workers/worker-process.ts";
import { closed, finished, opened, started } from "./events.ts";

const START = { type: "start", originMs: 0, salt: new Uint8Array() } as unknown as Start;

/** A worker's process that does what the test says. */
function fakeProcess() {
  const sent: ToWorker[] = [];
  const { promise: ended, resolve: end } = Promise.withResolvers<string>();
  const handlers: ((message: ToPrimary) => void)[] = [];
  let kills = 0;
  const child: WorkerProcess = {
    pid: 1,
    send: (message) => void sent.push(message),
    onMessage: (handle) => void handlers.push(handle),
    ended,
    kill: () => (kills += 1),
  };
  return { child, sent, end, tell: (message: ToPrimary) => handlers[0]?.(message), kills: () => kills };
}

function begin() {
  const fake = fakeProcess();
  const observed: TransferEvent[] = [];
  const merger = new EventMerger();
  const life = new WorkerLife(1, fake.child, () => START, {
    tell: (events, observe) => merger.add(events, observe),
    circuits: new JointCircuits(),
    last: { connection: 10, transfer: 20 },
    observe: (event) => void observed.push(event),
    now: () => 2000,
    used: () => {},
    isUnderWay: async () => false,
  });
  return { ...fake, life, merger, observed };
}

test("a worker is told what to serve when it hears, and is listening when it says so", async () => {
  const { life, sent, tell } = begin();
  assert.deepEqual(sent, []);
  tell({ type: "ready" });
  assert.deepEqual(sent, [START]);
  const listeners = [{ name: "shared", host: "127.0.0.1", port: 5000 }];
  tell({ type: "listening", listeners });
  assert.deepEqual(await life.listening, listeners);
});

test("one that ends before it listens rejects with how it ended; one that cannot, with what the system said", async () => {
  const one = begin();
  one.end("exit code 1");
  await assert.rejects(one.life.listening, /worker 1 ended before it listened: exit code 1/);
  const other = begin();
  other.tell({ type: "cannot-listen", problem: { message: "listen EADDRINUSE", code: "EADDRINUSE", port: 5000 } });
  await assert.rejects(other.life.listening, { message: "listen EADDRINUSE", code: "EADDRINUSE", port: 5000 });
});

test("what it owes when it dies is told behind what it had told, under the same numbers", async () => {
  const { life, merger, observed, tell, end } = begin();
  tell({ type: "events", events: [opened(1, 1000), started(1, 1, 1001)], untilMs: 1001.5 });
  tell({ type: "events", events: [started(2, 1, 1002), finished(1, 1003)], untilMs: 1004 });
  assert.equal(life.transfers, 1);
  assert.equal(life.toldUntilMs, 1004);
  end("SIGKILL");
  assert.equal(await life.ended, "SIGKILL");
  merger.flush();
  assert.deepEqual(observed, [
    opened(11, 1000),
    started(21, 11, 1001),
    started(22, 11, 1002),
    finished(21, 1003),
    { type: "failed", atMs: 2000, transfer: 22, bytes: 0, failure: "proxy" },
    closed(11, 2000),
  ]);
});

test("who is asked to tell has told when it says so, or when it is gone", async () => {
  const { life, sent, tell, end } = begin();
  const told = life.tell();
  assert.deepEqual(sent, [{ type: "tell", question: 1 }]);
  tell({ type: "told", question: 1, untilMs: 1000 });
  await told;
  const neverTold = life.tell();
  end("SIGKILL");
  await neverTold;
});

test("a worker that is silent for more than six looks at it is ended, one that says anything is not", () => {
  const { life, tell, kills } = begin();
  for (let look = 0; look < 6; look += 1) life.checkPulse();
  tell({ type: "usage", usage: { residentBytes: 1, cpuSeconds: 1 } });
  for (let look = 0; look < 6; look += 1) life.checkPulse();
  assert.equal(kills(), 0);
  life.checkPulse();
  assert.equal(kills(), 1);
});
