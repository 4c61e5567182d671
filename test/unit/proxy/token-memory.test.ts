import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenMemory } from "../../../src/proxy/token-memory.ts";

test("how a token was got is remembered for the last ten thousand, and longest for those in use", () => {
  const memory = new TokenMemory();
  memory.note("used", "bearer");
  memory.note("unused", "anonymous_bearer");
  for (let i = 0; i < 9_998; i += 1) memory.note(`token ${i}`, "bearer");
  assert.equal(memory.recall("used"), "bearer");
  memory.note("one more", "bearer");
  assert.equal(memory.recall("unused"), undefined);
  assert.equal(memory.recall("used"), "bearer");
  assert.equal(memory.recall("never seen"), undefined);
});
