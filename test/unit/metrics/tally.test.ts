import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { counter } from "../../../src/metrics/definition.ts";
import { Tally } from "../../../src/metrics/tally.ts";

function createTally() {
  const registry = new Registry();
  const tally = new Tally(counter({ name: "c_total", help: "C.", labels: ["a", "b"] }), registry);
  const read = async () => (await registry.getMetricsAsJSON()).flatMap(({ values }) => values);
  return { tally, read };
}

test("what is counted is told once, however often it is read", async () => {
  const { tally, read } = createTally();
  tally.inc({ a: "x", b: "y" });
  tally.inc({ a: "x", b: "y" }, 2);
  assert.deepEqual(await read(), [{ labels: { a: "x", b: "y" }, value: 3 }]);
  assert.deepEqual(await read(), [{ labels: { a: "x", b: "y" }, value: 3 }]);
  tally.inc({ b: "y", a: "x" });
  assert.deepEqual(await read(), [{ labels: { a: "x", b: "y" }, value: 4 }]);
});

test("series differ by every label, and are there from the first count on, even of nothing", async () => {
  const { tally, read } = createTally();
  assert.deepEqual(await read(), []);
  tally.inc({ a: "xy", b: "" }, 0);
  tally.inc({ a: "x", b: "y" });
  tally.inc({ a: "y", b: "x" });
  assert.deepEqual(await read(), [
    { labels: { a: "xy", b: "" }, value: 0 },
    { labels: { a: "x", b: "y" }, value: 1 },
    { labels: { a: "y", b: "x" }, value: 1 },
  ]);
});
