import assert from "node:assert/strict";
import { test } from "node:test";
import { joinObservers } from "../../../src/pull/join-observers.ts";

test("every observer sees every event in order", () => {
  const seen: string[] = [];
  const observe = joinObservers<string>([(event) => seen.push(`a ${event}`), (event) => seen.push(`b ${event}`)], () =>
    assert.fail("nothing failed"),
  );
  observe("1");
  observe("2");
  assert.deepEqual(seen, ["a 1", "b 1", "a 2", "b 2"]);
});

test("an observer that throws reaches neither the others nor the caller, and is told of each time", () => {
  const seen: string[] = [];
  const failures: unknown[] = [];
  const mistake = new Error("a mistake");
  const broken = (): never => {
    throw mistake;
  };
  const observe = joinObservers<string>([broken, (event) => seen.push(event)], (error) => failures.push(error));
  observe("1");
  observe("2");
  assert.deepEqual(seen, ["1", "2"]);
  assert.deepEqual(failures, [mistake, mistake]);
});
