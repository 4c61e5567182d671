import assert from "node:assert/strict";
import { test } from "node:test";
import { TraceExporter } from "../../../src/traces/exporter.ts";
import { finishedPull } from "../../support/finished-pull.ts";

interface Receiver {
  readonly exporter: TraceExporter;
  readonly bodies: string[];
  dropped: number;
}

function receiver(post: (count: number, signal: AbortSignal) => Promise<number>): Receiver {
  const made: Receiver = {
    bodies: [],
    dropped: 0,
    exporter: new TraceExporter({
      version: "1",
      dropped: (pulls) => {
        made.dropped += pulls;
      },
      post: (body, signal) => {
        made.bodies.push(body);
        return post(made.bodies.length, signal);
      },
    }),
  };
  return made;
}

function finish(exporter: TraceExporter, count: number, overrides: Parameters<typeof finishedPull>[0] = {}): void {
  for (let i = 0; i < count; i += 1) exporter.observe({ type: "pull-finished", pull: finishedPull(overrides) });
}

const rootsOf = (bodies: readonly string[]): number => bodies.join("").split('"image pull"').length - 1;

test("what waits is sent when the exporter stops", async () => {
  const { exporter, bodies, ...made } = receiver(async () => 200);
  finish(exporter, 3);
  await exporter.stop(1000);
  assert.deepEqual([bodies.length, rootsOf(bodies), made.dropped], [1, 3, 0]);
});

test("many pulls are sent in several requests, one after the other", async () => {
  let running = 0;
  const made = receiver(async () => {
    assert.equal((running += 1), 1);
    await Promise.resolve();
    running -= 1;
    return 202;
  });
  finish(made.exporter, 200);
  await made.exporter.stop(1000);
  assert.deepEqual([rootsOf(made.bodies), made.bodies.length >= 4, made.dropped], [200, true, 0]);
});

for (const [title, post] of [
  ["refuses them", async () => 400],
  ["is away", async () => Promise.reject(new Error("no connection"))],
] as const) {
  test(`pulls are counted as dropped where the receiver ${title}`, async () => {
    const made = receiver(post);
    finish(made.exporter, 70);
    await made.exporter.stop(1000);
    assert.equal(made.dropped, 70);
  });
}

test("a receiver that never answers holds up neither pulls nor the end, and memory stays bounded", async () => {
  const made = receiver(
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("aborted")));
      }),
  );
  finish(made.exporter, 5000);
  // 64 are on their way, 2,048 wait.
  assert.equal(made.dropped, 5000 - 64 - 2048);
  await made.exporter.stop(10);
  assert.equal(made.dropped, 5000);
  finish(made.exporter, 1);
  assert.equal(made.dropped, 5001);
});

test("a pull whose client does not record its trace is not sent", async () => {
  const made = receiver(async () => 200);
  finish(made.exporter, 1, { traceId: "a".repeat(32), traceParent: { spanId: "b".repeat(16), sampled: false } });
  await made.exporter.stop(1000);
  assert.deepEqual([made.bodies.length, made.dropped], [0, 0]);
});
