import assert from "node:assert/strict";
import { test } from "node:test";
import { DialQueue } from "../../../src/upstream/dial-queue.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";

const AT_ONCE = 32;

/** Connections that open when they are told to. */
class Dials {
  begun: number[] = [];
  readonly #ends = new Map<number, () => void>();

  dial(number: number, error?: Error): () => Promise<number> {
    return () => {
      this.begun.push(number);
      return new Promise((resolve, reject) => {
        this.#ends.set(number, () => (error === undefined ? resolve(number) : reject(error)));
      });
    };
  }

  end(number: number): void {
    this.#ends.get(number)?.();
  }
}

test("of many connections to one origin only so many are opened at once, and the others in the order in which they came", async () => {
  const queue = new DialQueue();
  const dials = new Dials();
  const all = Array.from({ length: AT_ONCE + 3 }, (_, number) => queue.take("a.example", dials.dial(number)));
  assert.equal(dials.begun.length, AT_ONCE);
  dials.end(5);
  assert.equal(await all[5], 5);
  dials.end(0);
  assert.equal(await all[0], 0);
  assert.deepEqual(dials.begun.slice(AT_ONCE), [AT_ONCE, AT_ONCE + 1]);
  for (let number = 0; number < all.length; number += 1) {
    dials.end(number);
    assert.equal(await all[number], number);
  }
});

test("other origins do not wait", async () => {
  const queue = new DialQueue();
  const dials = new Dials();
  const all = Array.from({ length: AT_ONCE }, (_, at) => queue.take("a.example", dials.dial(at)));
  const other = queue.take("b.example", dials.dial(AT_ONCE));
  assert.equal(dials.begun.length, AT_ONCE + 1);
  for (let number = 0; number <= AT_ONCE; number += 1) dials.end(number);
  await Promise.all([...all, other]);
});

test("when a connection fails nobody waits behind it: a dead host is found out by all in the same time", async () => {
  const queue = new DialQueue();
  const dials = new Dials();
  const failing = queue.take("a.example", dials.dial(0, new Error("no connection in time")));
  const others = Array.from({ length: AT_ONCE + 50 }, (_, at) => queue.take("a.example", dials.dial(at + 1)));
  assert.equal(dials.begun.length, AT_ONCE);
  dials.end(0);
  await assert.rejects(failing, /in time/);
  assert.equal(dials.begun.length, AT_ONCE + 51);

  // Then as before: as many as there may be at once.
  const late = queue.take("a.example", dials.dial(200));
  for (let number = 1; number <= 50; number += 1) dials.end(number);
  await Promise.all(others.slice(0, 50));
  assert.equal(dials.begun.includes(200), false);
  for (let number = 51; number <= AT_ONCE + 50; number += 1) dials.end(number);
  await Promise.all(others);
  dials.end(200);
  assert.equal(await late, 200);
});

test("behind a handshake that fails the others wait on: its host is busy", async () => {
  const queue = new DialQueue();
  const dials = new Dials();
  const failing = queue.take("a.example", dials.dial(0, new UpstreamError("tls", "no TLS handshake in time")));
  const others = Array.from({ length: AT_ONCE + 50 }, (_, at) => queue.take("a.example", dials.dial(at + 1)));
  dials.end(0);
  await assert.rejects(failing, /handshake/);
  assert.equal(dials.begun.length, AT_ONCE + 1);
  for (let number = 1; number <= AT_ONCE + 50; number += 1) {
    dials.end(number);
    await others[number - 1];
  }
});
