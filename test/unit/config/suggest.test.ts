import assert from "node:assert/strict";
import { test } from "node:test";
import { suggest } from "../../../src/config/suggest.ts";

const KEYS = ["listeners", "registries", "log", "admin"];

test("a slip of the hand leads to the key that was meant", () => {
  for (const text of ["listener", "Listeners", "lisners", "listnears"]) assert.equal(suggest(text, KEYS), "listeners");
  assert.equal(suggest("logs", KEYS), "log");
});

test("another word leads nowhere", () => {
  for (const text of ["colour", "x", "", "a".repeat(10_000)]) assert.equal(suggest(text, KEYS), undefined);
});
