import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { ChunkedIntake } from "../../../src/upstream/chunked-intake.ts";
import type { Intake } from "../../../src/upstream/intake.ts";
import { LengthIntake } from "../../../src/upstream/length-intake.ts";
import { ReadBuffers } from "../../../src/upstream/read-buffer.ts";

const BODY = randomBytes(3 * 1024 * 1024);

/**
 * What Node.js does: it writes into the space that was given last, and asks for the next one right after. A client that
 * is slow keeps the view that it was given, and looks at it only when it takes it.
 */
class Simulation {
  readonly #intake: Intake;
  readonly #delivered = createHash("sha256");
  #space: Uint8Array;
  #read: number;
  #pending: Buffer | undefined;
  readonly #waitedMs: number;
  bytes = 0;

  constructor(intake: Intake, early: number, waitedMs: number) {
    this.#waitedMs = waitedMs;
    this.#intake = intake;
    this.#space = intake.space();
    this.#read = early;
  }

  get isBlocked(): boolean {
    return this.#pending !== undefined;
  }

  read(wanted: number, total: number, takesAtOnce = true): void {
    const bytes = Math.min(wanted, this.#space.length, total - this.#read);
    if (bytes === 0) return;
    assert.ok(this.#space.length > 0);
    this.#space.set(BODY.subarray(this.#read, this.#read + bytes));
    this.#read += bytes;
    this.#intake.received(bytes);
    // As the body does: memory that is full is given to the client in between.
    if (this.#intake.isFull || this.#intake.isWhole) this.give(takesAtOnce);
    if (!this.#intake.isWhole) this.#space = this.#intake.space();
  }

  /** Outside of the callback: the space stays. */
  give(takesAtOnce: boolean): void {
    while (this.#pending === undefined) {
      const view = this.#intake.take();
      if (view === undefined) return;
      this.bytes += view.length;
      if (takesAtOnce) {
        this.#delivered.update(view);
        this.#intake.free(0);
      } else {
        this.#pending = view;
      }
    }
  }

  takePending(): void {
    if (this.#pending === undefined) return;
    this.#delivered.update(this.#pending);
    this.#pending = undefined;
    this.#intake.free(this.#waitedMs);
  }

  end(total: number): string {
    while (this.bytes < total || this.isBlocked) {
      this.takePending();
      this.give(true);
      this.read(16_384, total);
    }
    return this.#delivered.digest("hex");
  }
}

type Step = readonly ["read", number, boolean] | readonly ["give", boolean] | readonly ["taken"];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constant("read"), fc.constantFrom(1, 100, 1400, 16_384, 16_384, 70_000), fc.boolean()),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant("give"), fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("taken")) },
);

for (const isTls of [true, false]) {
  test(`bytes come out as they went in, ${isTls ? "over TLS" : "in plaintext"}, whoever is slow when`, () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        fc.integer({ min: 1, max: BODY.length }),
        fc.nat({ max: 65_536 }),
        fc.constantFrom(1, 1_000),
        (steps, total, wantedEarly, waitedMs) => {
          const early = Math.min(wantedEarly, total - 1);
          const buffers = new ReadBuffers();
          const intake = new LengthIntake(total, BODY.subarray(0, early), isTls, buffers);
          const simulation = new Simulation(intake, early, waitedMs);
          for (const [what, how, takesAtOnce] of steps) {
            if (what === "taken") simulation.takePending();
            else if (what === "give") simulation.give(how);
            // Only records that were decrypted already come while the client is waited for.
            else if (isTls || !simulation.isBlocked) simulation.read(how, total, takesAtOnce);
          }
          const digest = simulation.end(total);
          assert.equal(digest, createHash("sha256").update(BODY.subarray(0, total)).digest("hex"));
          intake.close();
          assert.equal(buffers.leasedBytes, 0);
        },
      ),
      { numRuns: 200 },
    );
  });
}

test("memory comes back whenever a body is given up", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const buffers = new ReadBuffers();
      const intake = new LengthIntake(BODY.length, BODY.subarray(0, 10), true, buffers);
      const simulation = new Simulation(intake, 10, 1_000);
      for (const [what, how, takesAtOnce] of steps) {
        if (what === "taken") simulation.takePending();
        else if (what === "give") simulation.give(how);
        else simulation.read(how, BODY.length, takesAtOnce);
      }
      intake.abandon();
      intake.abandon();
      assert.equal(buffers.leasedBytes, 0);
    }),
  );
});

test("bytes beyond the length are not the body's, and are told", () => {
  const intake = new LengthIntake(5, Buffer.from("abc"), true, new ReadBuffers());
  Buffer.from("deX").copy(intake.space());
  intake.received(3);
  assert.deepEqual([String(intake.take()), intake.isWhole, intake.isSpoiled], ["abcde", true, true]);
});

test("a body in chunks is told as spoiled when more comes behind it", () => {
  const whole = new ChunkedIntake(Buffer.from("2\r\nok\r\n0\r\n\r\n"));
  assert.deepEqual([String(whole.take()), whole.isWhole, whole.isSpoiled], ["ok", true, false]);
  const followed = new ChunkedIntake(Buffer.from("2\r\nok\r\n0\r\n\r\nX"));
  assert.deepEqual([String(followed.take()), followed.isWhole, followed.isSpoiled], ["ok", true, true]);
});
