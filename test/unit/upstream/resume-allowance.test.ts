import assert from "node:assert/strict";
import { test } from "node:test";
import { ResumeAllowance } from "../../../src/upstream/resume-allowance.ts";

test("a hundred resumptions in five minutes, for each client and repository", () => {
  let nowMs = 0;
  const allowance = new ResumeAllowance(() => nowMs);
  const taken = (key: string): number => Array.from({ length: 150 }, () => allowance.take(key)).filter(Boolean).length;
  assert.equal(taken("client one"), 100);
  assert.equal(taken("client two"), 100);
  nowMs = 5 * 60_000 - 1;
  assert.equal(taken("client one"), 0);
  nowMs += 1;
  assert.equal(taken("client one"), 100);
});
