import assert from "node:assert/strict";
import { test } from "node:test";
import { Rounds } from "../../../src/workers/rounds.ts";

test("all who ask while a round runs share the next one, which begins after they asked", async () => {
  const running: (() => void)[] = [];
  const rounds = new Rounds(() => [new Promise((resolve) => running.push(resolve))]);
  const first = rounds.next();
  await Promise.resolve();
  assert.equal(running.length, 1);
  let later = 0;
  const others = [rounds.next(), rounds.next()].map((round) => round.then(() => (later += 1)));
  running[0]?.();
  await first;
  assert.equal(later, 0);
  await Promise.resolve();
  assert.equal(running.length, 2);
  running[1]?.();
  await Promise.all(others);
  assert.equal(later, 2);
  assert.equal(running.length, 2);
});

test("who does not answer is waited for no longer than 300 ms", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const rounds = new Rounds(() => [new Promise(() => {})]);
  const asked = rounds.next();
  await Promise.resolve();
  t.mock.timers.tick(300);
  await asked;
});
