import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as holds, integer, property } from "fast-check";
import { formatDuration, parseDuration } from "../../../src/config/duration.ts";

const durations: readonly [text: string, ms: number][] = [
  ["20ms", 20],
  ["5s", 5000],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
  ["1h2m3s4ms", 3_723_004],
  ["0s", 0],
  ["0", 0],
];

for (const [text, ms] of durations) test(`${text} is ${ms} ms`, () => assert.equal(parseDuration(text), ms));

for (const text of [
  "",
  "5",
  "s",
  "5 s",
  "-5s",
  "+5s",
  "5S",
  "1d",
  "5us",
  "1e3s",
  ".5s",
  "5s ",
  "∞",
  "9".repeat(30) + "h",
]) {
  test(`${JSON.stringify(text)} is no duration`, () => assert.equal(parseDuration(text), undefined));
}

test("what is printed of a duration is read as the same duration", () => {
  const anyMs = integer({ min: 0, max: 1_000_000_000 });
  holds(property(anyMs, (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)));
});

test("a duration is printed with its largest units first", () => {
  assert.equal(formatDuration(90_000), "1m30s");
  assert.equal(formatDuration(3_600_000), "1h");
  assert.equal(formatDuration(1500), "1s500ms");
  assert.equal(formatDuration(0), "0s");
});
