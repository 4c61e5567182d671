import assert from "node:assert/strict";
import { test } from "node:test";
import type { ToPrimary } from "../../../src/workers/messages.ts";
import { RemotePulls } from "../../../src/workers/remote-pulls.ts";

function remotePulls() {
  const sent: ToPrimary[] = [];
  const pulls = new RemotePulls((message) => sent.push(message));
  return { sent, pulls, underWay: pulls.underWay(0) };
}

test("questions are answered by their numbers, in whatever order", async () => {
  const { sent, pulls, underWay } = remotePulls();
  const answers = [underWay.isOf("registry.test", "one"), underWay.isOf("registry.test", "two")];
  assert.deepEqual(
    sent.map((message) => message.type === "is-under-way" && message.repository),
    ["one", "two"],
  );
  pulls.answered(2, false);
  pulls.answered(1, true);
  pulls.answered(7, true);
  assert.deepEqual([await answers[0], await answers[1]], [true, false]);
});

test("without an answer within a second the request counts as one that belongs here", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { underWay } = remotePulls();
  const answer = underWay.isOf("registry.test", "one");
  t.mock.timers.tick(1_000);
  assert.equal(await answer, true);
});

test("there is something under way until the primary says that there is not", () => {
  const { pulls, underWay } = remotePulls();
  assert.equal(underWay.isAny(), true);
  pulls.told(false);
  assert.equal(underWay.isAny(), false);
});
