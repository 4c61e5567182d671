import assert from "node:assert/strict";
import { test } from "node:test";
import { Ticker } from "../../../src/wiring/ticker.ts";

function tickerOf(isAtRest: () => boolean) {
  let ticks = 0;
  const ticker = new Ticker({ everyMs: 250, tick: () => (ticks += 1), isAtRest });
  return { ticker, ticks: () => ticks };
}

test("a ticker ticks from the first event on, until nothing is left to wait for", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let isAtRest = false;
  const { ticker, ticks } = tickerOf(() => isAtRest);
  t.mock.timers.tick(1_000);
  assert.equal(ticks(), 0);
  ticker.wake();
  ticker.wake();
  t.mock.timers.tick(750);
  assert.equal(ticks(), 3);
  isAtRest = true;
  t.mock.timers.tick(1_000);
  assert.equal(ticks(), 4);
  ticker.wake();
  t.mock.timers.tick(1_000);
  assert.equal(ticks(), 5);
});

test("a ticker that was stopped ticks no more, whatever happens", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { ticker, ticks } = tickerOf(() => false);
  ticker.wake();
  ticker.stop();
  ticker.wake();
  t.mock.timers.tick(1_000);
  assert.equal(ticks(), 0);
});
