import assert from "node:assert/strict";
import { test } from "node:test";
import { BufferSize, ReadBuffers, SMALL_BUFFER_BYTES } from "../../../src/upstream/read-buffer.ts";

const MIB = 1024 * 1024;

test("what was leased is counted until it is back", () => {
  const buffers = new ReadBuffers();
  const [one, other] = [buffers.lease(SMALL_BUFFER_BYTES), buffers.lease(4 * SMALL_BUFFER_BYTES)];
  assert.equal(buffers.leasedBytes, 5 * SMALL_BUFFER_BYTES);
  buffers.release(one);
  buffers.abandon(other);
  assert.equal(buffers.leasedBytes, 0);
});

test("released memory is leased again, abandoned memory never", () => {
  const buffers = new ReadBuffers();
  const [one, other] = [buffers.lease(SMALL_BUFFER_BYTES), buffers.lease(SMALL_BUFFER_BYTES)];
  buffers.release(one);
  buffers.abandon(other);
  assert.equal(buffers.lease(SMALL_BUFFER_BYTES), one);
  assert.notEqual(buffers.lease(SMALL_BUFFER_BYTES), other);
});

test("beyond 64 MiB everyone gets a small buffer", () => {
  const buffers = new ReadBuffers();
  const large = 512 * 1024;
  for (let bytes = 0; bytes < 64 * MIB; bytes += large) assert.equal(buffers.lease(large).length, large);
  const small = buffers.lease(large);
  assert.equal(small.length, SMALL_BUFFER_BYTES);
  buffers.release(small);
  assert.equal(buffers.leasedBytes, 64 * MIB);
});

test("a buffer grows once 8 MiB were taken at once, and is small again after a long wait for the client", () => {
  const size = new BufferSize(MIB);
  for (let bytes = SMALL_BUFFER_BYTES; bytes < 8 * MIB; bytes += SMALL_BUFFER_BYTES) {
    size.tookAtOnce(SMALL_BUFFER_BYTES);
    assert.equal(size.bytes, SMALL_BUFFER_BYTES);
  }
  size.tookAtOnce(SMALL_BUFFER_BYTES);
  assert.equal(size.bytes, MIB);
  size.waited(20);
  assert.equal(size.bytes, MIB);
  size.waited(100);
  assert.equal(size.bytes, SMALL_BUFFER_BYTES);
  // A long wait starts the count again, a short one does not.
  size.tookAtOnce(7 * MIB);
  size.waited(100);
  size.tookAtOnce(7 * MIB);
  assert.equal(size.bytes, SMALL_BUFFER_BYTES);
  size.waited(20);
  size.tookAtOnce(MIB);
  assert.equal(size.bytes, MIB);
});
