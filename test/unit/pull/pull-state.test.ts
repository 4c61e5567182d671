import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { nextState, type PullInput, type PullState } from "../../../src/pull/pull-state.ts";

const STATES = ["resolving", "unresolved", "waiting", "fetching", "retrying", "broken", "finished"] as const;
const INPUTS = [
  "resolve_started",
  "resolved",
  "resolve_failed",
  "fetch_started",
  "pull_retryable",
  "blob_fatal",
  "retried",
  "finish",
] as const;

// A state or input that is missing above is an error here.
const everyState: Record<PullState, true> = Object.fromEntries(STATES.map((state) => [state, true])) as never;
const everyInput: Record<PullInput, true> = Object.fromEntries(INPUTS.map((input) => [input, true])) as never;

test("every pair of state and input has a next state", () => {
  for (const state of Object.keys(everyState) as PullState[]) {
    for (const input of Object.keys(everyInput) as PullInput[]) assert.ok(nextState(state, input) in everyState);
  }
});

test("a finished pull stays finished", () => {
  for (const input of INPUTS) assert.equal(nextState("finished", input), "finished");
});

test("only a whole-pull retry leaves the states in which the pull failed", () => {
  for (const state of ["retrying", "broken"] as const) {
    const after = INPUTS.filter((input) => !["retrying", "broken", "finished"].includes(nextState(state, input)));
    assert.deepEqual(after, ["retried"]);
  }
});

test("the drawing in the documentation has exactly the arrows of the table", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/pull-states.md"), "utf8");
  const drawn = [...text.matchAll(/^ {2}(\w+) --> (\w+): (\w+(?:, \w+)*)$/gm)]
    .flatMap(([, from, to, inputs = ""]) => inputs.split(", ").map((input) => `${from} ${input} ${to}`))
    .toSorted();
  const moves = STATES.flatMap((state) =>
    INPUTS.map((input) => ({ state, input, next: nextState(state, input) }))
      .filter(({ next }) => next !== state)
      .map(({ input, next }) => `${state} ${input} ${next}`),
  ).toSorted();
  assert.deepEqual(drawn, moves);
});
