import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Circuits, NotAsked, type CircuitChange } from "../../../src/upstream/circuit.ts";

function start() {
  const changes: CircuitChange["state"][] = [];
  const clock = { nowMs: 0 };
  const circuits = new Circuits(
    () => clock.nowMs,
    ({ state }) => changes.push(state),
  );
  const enter = (): boolean => {
    try {
      circuits.enter("registry.test", "host.test");
      return true;
    } catch (error) {
      assert.ok(error instanceof NotAsked);
      return false;
    }
  };
  const failed = (): void => circuits.failed("registry.test", "host.test");
  const succeeded = (): void => circuits.succeeded("registry.test", "host.test");
  const undecided = (): void => circuits.undecided("registry.test", "host.test");
  return { circuits, changes, clock, enter, failed, succeeded, undecided };
}

function opened() {
  const circuit = start();
  for (let i = 0; i < 5; i += 1) circuit.failed();
  return circuit;
}

test("four failures in a row are bad luck, five open the circuit", () => {
  const { enter, failed, changes } = start();
  for (let i = 0; i < 4; i += 1) failed();
  assert.equal(enter(), true);
  failed();
  assert.equal(enter(), false);
  assert.deepEqual(changes, ["open"]);
});

test("an answer in between begins the count anew", () => {
  const { enter, failed, succeeded, changes } = start();
  for (let i = 0; i < 20; i += 1) (i % 5 === 4 ? succeeded : failed)();
  assert.equal(enter(), true);
  assert.deepEqual(changes, []);
});

test("after five seconds one request finds out, and the others are not asked meanwhile", () => {
  const { enter, clock, succeeded, changes } = opened();
  clock.nowMs = 4_999;
  assert.equal(enter(), false);
  clock.nowMs = 5_000;
  assert.equal(enter(), true);
  assert.equal(enter(), false);
  succeeded();
  assert.equal(enter(), true);
  assert.deepEqual(changes, ["open", "half_open", "closed"]);
});

test("a probe that fails doubles the time, up to a minute", () => {
  const { enter, clock, failed } = opened();
  const waits: number[] = [];
  for (let i = 0; i < 6; i += 1) {
    const sinceMs = clock.nowMs;
    while (!enter()) clock.nowMs += 1_000;
    waits.push(clock.nowMs - sinceMs);
    failed();
  }
  assert.deepEqual(waits, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
});

test("a probe whose client goes away leaves the next one to find out", () => {
  const { enter, clock, undecided, changes } = opened();
  clock.nowMs = 5_000;
  assert.equal(enter(), true);
  undecided();
  assert.equal(enter(), true);
  assert.deepEqual(changes, ["open", "half_open", "open", "half_open"]);
});

test("requests that were under way when it opened do not keep it open for longer", () => {
  const { enter, clock, failed } = opened();
  for (let i = 0; i < 50; i += 1) failed();
  clock.nowMs = 5_000;
  assert.equal(enter(), true);
});

test("one registry's trouble with a host is not another's", () => {
  const { circuits } = opened();
  circuits.enter("other.test", "host.test");
});

test("however many hosts fail, what is remembered is bounded, and what is forgotten is told closed", () => {
  const open = new Set<string>();
  const circuits = new Circuits(
    () => 0,
    ({ host, state }) => (state === "closed" ? open.delete(host) : open.add(host)),
  );
  for (let host = 0; host < 3_000; host += 1) for (let i = 0; i < 5; i += 1) circuits.failed("r", `host-${host}`);
  assert.equal(open.size, 1_000);
});

test("in any order of events, a host that answered last may be asked", () => {
  const step = fc.constantFrom("failed", "enter", "undecided", "wait");
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const circuit = start();
      for (const one of steps) {
        if (one === "wait") circuit.clock.nowMs += 3_000;
        else circuit[one]();
      }
      circuit.succeeded();
      assert.equal(circuit.enter(), true);
      assert.equal(circuit.enter(), true);
    }),
  );
});
