import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Overflow } from "../../../src/upstream/overflow.ts";
import { ReadBuffers, RECORD_BYTES } from "../../../src/upstream/read-buffer.ts";

/** Bytes that come, or room for so many. */
const step = fc.oneof(
  fc.record({ come: fc.nat(5 * RECORD_BYTES) }),
  fc.record({ room: fc.integer({ min: 1, max: 5 * RECORD_BYTES }) }),
);

test("what goes in comes out in order, and no memory is left in use", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const buffers = new ReadBuffers();
      const overflow = new Overflow(buffers);
      let came = 0;
      let left = 0;
      const move = (room: number): void => {
        const memory = Buffer.alloc(room);
        const moved = overflow.moveTo(memory);
        assert.equal(moved, Math.min(room, came - left));
        for (let at = 0; at < moved; at += 1) if (memory[at] !== (left + at) % 251) assert.fail(`byte ${left + at}`);
        left += moved;
      };
      for (const each of steps) {
        if ("room" in each) {
          move(each.room);
        } else {
          overflow.add(Buffer.from(Array.from({ length: each.come }, (_, at) => (came + at) % 251)));
          came += each.come;
        }
        assert.equal(overflow.isEmpty, came === left);
      }
      while (!overflow.isEmpty) move(10_000);
      assert.equal(buffers.leasedBytes, 0);
    }),
  );
});

test("what is forgotten leaves no memory in use", () => {
  const buffers = new ReadBuffers();
  const overflow = new Overflow(buffers);
  overflow.add(Buffer.alloc(3 * RECORD_BYTES + 1));
  assert.equal(buffers.leasedBytes, 4 * RECORD_BYTES);
  overflow.clear();
  assert.deepEqual({ isEmpty: overflow.isEmpty, leasedBytes: buffers.leasedBytes }, { isEmpty: true, leasedBytes: 0 });
});
