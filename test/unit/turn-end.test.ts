import assert from "node:assert/strict";
import { test } from "node:test";
import { afterTurn, atTurnEnd } from "../../src/turn-end.ts";

/** Resolves after those that wait for the end of this turn. */
function turnEnd(): Promise<void> {
  return new Promise((resolve) => afterTurn(resolve));
}

test("a single request is written at once, and several together when the turn is over", async () => {
  const written: string[] = [];
  atTurnEnd(2, () => written.push("first"));
  atTurnEnd(1, () => written.push("single"));
  atTurnEnd(3, () => written.push("second"));
  assert.deepEqual(written, ["single"]);
  await turnEnd();
  assert.deepEqual(written, ["single", "first", "second"]);
});

test("what is given while others act waits for the next turn", async () => {
  const acted: string[] = [];
  afterTurn(() => {
    acted.push("first");
    afterTurn(() => acted.push("next turn"));
  });
  afterTurn(() => acted.push("second"));
  await turnEnd();
  assert.deepEqual(acted, ["first", "second"]);
  await turnEnd();
  assert.deepEqual(acted, ["first", "second", "next turn"]);
});

test("many wait for what the next turn brings, and go out with it", async () => {
  const written: string[] = [];
  const nextTurn = new Promise<void>((resolve) => {
    setImmediate(() => {
      written.push("next turn begins");
      atTurnEnd(5, () => written.push("second"));
      resolve();
    });
  });
  atTurnEnd(5, () => written.push("first"));
  await nextTurn;
  assert.deepEqual(written, ["next turn begins"]);
  await turnEnd();
  assert.deepEqual(written, ["next turn begins", "first", "second"]);
});
