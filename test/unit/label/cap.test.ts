import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Cap, OTHER } from "../../../src/label/cap.ts";

function capWithCounter(limit: number, known: readonly string[] = []) {
  let overflows = 0;
  const cap = new Cap({ limit, known, overflowed: () => overflows++ });
  return { cap, overflows: () => overflows };
}

test("values pass up to the limit, later ones become [OTHER] and are counted", () => {
  const { cap, overflows } = capWithCounter(2);
  assert.deepEqual(
    ["a", "b", "c", "a", "d"].map((value) => cap.admit(value)),
    ["a", "b", OTHER, "a", OTHER],
  );
  assert.equal(overflows(), 2);
});

test("a known value has its place even if others came first", () => {
  const { cap, overflows } = capWithCounter(2, ["docker.io"]);
  cap.admit("a");
  cap.admit("b");
  assert.equal(cap.admit("docker.io"), "docker.io");
  assert.equal(overflows(), 1);
});

for (const value of ["", "two words", "Bearer eyJh", 'quo"te', "line\nbreak", "user:secret@host", "x".repeat(254)]) {
  test(`${JSON.stringify(value.slice(0, 20))} is no label value`, () =>
    assert.equal(capWithCounter(9).cap.admit(value), OTHER));
}

for (const value of ["[UNKNOWN]", "[IP_ADDRESS]", "ghcr.io", "containerd", "ci-runner_2", "X", "-odd.com"]) {
  test(`${value} is a label value`, () => assert.equal(capWithCounter(9).cap.admit(value), value));
}

test("there are never more distinct values than the limit and [OTHER], and every overflow is counted", () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,2}$/), { maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      (values, limit) => {
        const { cap, overflows } = capWithCounter(limit);
        const labels = values.map((value) => cap.admit(value));
        assert.ok(new Set(labels.filter((label) => label !== OTHER)).size <= limit);
        assert.equal(labels.filter((label) => label === OTHER).length, overflows());
      },
    ),
  );
});
