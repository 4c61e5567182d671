import assert from "node:assert/strict";
import { test } from "node:test";
import { Waits } from "../../../src/proxy/waits.ts";

function clock() {
  const time = { nowMs: 1_000 };
  return { time, waits: new Waits(() => time.nowMs) };
}

test("between bytes that the client takes at once, the upstream is waited for", () => {
  const { time, waits } = clock();
  time.nowMs += 100;
  waits.received(true);
  time.nowMs += 50;
  waits.ended();
  assert.deepEqual(waits.read(), { upstreamMs: 150, clientMs: 0, upstreamStalls: 0, clientStalls: 0 });
});

test("while the client does not read, nothing is the upstream's fault, even if bytes still come", () => {
  const { time, waits } = clock();
  waits.received(false);
  time.nowMs += 3_000;
  waits.received(false);
  time.nowMs += 3_000;
  waits.taken();
  time.nowMs += 10;
  waits.received(true);
  assert.deepEqual(waits.read(), { upstreamMs: 10, clientMs: 6_000, upstreamStalls: 0, clientStalls: 1 });
});

test("each silence of 5 s counts once, and a shorter one does not", () => {
  const { time, waits } = clock();
  for (const silenceMs of [5_000, 4_999, 60_000]) {
    time.nowMs += silenceMs;
    waits.received(true);
  }
  assert.equal(waits.read().upstreamStalls, 2);
});

test("after the last byte the client is waited for", () => {
  const { time, waits } = clock();
  waits.received(true);
  waits.ended();
  time.nowMs += 7_000;
  assert.deepEqual(waits.read(), { upstreamMs: 0, clientMs: 7_000, upstreamStalls: 0, clientStalls: 1 });
});

test("a silence that lasts until the end counts too", () => {
  const { time, waits } = clock();
  waits.received(true);
  time.nowMs += 60_000;
  assert.equal(waits.read().upstreamStalls, 1);
});
