import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { UpstreamBody, UpstreamResponse } from "../../../src/upstream/exchange.ts";
import { holdBody, type HoldLimits } from "../../../src/upstream/held-body.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";

/** A body whose chunks come when the test says so. Its memory is used again, as that of a connection is. */
class ScriptedBody implements UpstreamBody {
  isDiscarded = false;
  readonly #waiting: Buffer[] = [];
  readonly #memory = Buffer.alloc(1024);
  readonly #over = Promise.withResolvers<void>();
  #onChunk: ((chunk: Buffer) => boolean) | undefined;
  #isBlocked = false;
  #isEnded = false;

  deliver(onChunk: (chunk: Buffer) => boolean): Promise<void> {
    this.#onChunk = onChunk;
    this.#pour();
    return this.#over.promise;
  }

  resume(): void {
    this.#isBlocked = false;
    this.#pour();
  }

  discard(): void {
    this.isDiscarded = true;
  }

  come(...chunks: readonly Buffer[]): void {
    this.#waiting.push(...chunks);
    this.#pour();
  }

  end(): void {
    this.#isEnded = true;
    this.#pour();
  }

  fail(error: UpstreamError): void {
    this.#over.reject(error);
  }

  #pour(): void {
    while (this.#onChunk !== undefined && !this.#isBlocked) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) break;
      const view = this.#memory.subarray(0, chunk.copy(this.#memory));
      this.#isBlocked = !this.#onChunk(view);
      if (!this.#isBlocked) view.fill(0);
    }
    if (this.#isEnded && this.#waiting.length === 0 && !this.#isBlocked) this.#over.resolve();
  }
}

const LIMITS: HoldLimits = { maxBytes: 4096, timeoutMs: 60_000, afterwards: "fail" };

function response(body: UpstreamBody, length?: string): UpstreamResponse {
  const headers = length === undefined ? [] : ["Content-Length", length];
  return { status: 200, statusText: "OK", headers, host: "registry.test", body };
}

/** Takes a body as a client does that blocks after every chunk. */
async function take(body: UpstreamBody): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await body.deliver((chunk) => {
    chunks.push(Buffer.from(chunk));
    setImmediate(() => body.resume());
    return false;
  });
  return Buffer.concat(chunks);
}

const CHUNKS = fc.array(fc.uint8Array({ minLength: 1, maxLength: 100 }), { maxLength: 8 });

test("a body that comes in any pieces is whole, whatever its head says of its length", async () => {
  const length = fc.constantFrom(undefined, "0", "7", "800", "65536", "9999999999999", "none", "1.5");
  await fc.assert(
    fc.asyncProperty(CHUNKS, length, async (chunks, told) => {
      const body = new ScriptedBody();
      const held = holdBody(response(body, told), LIMITS);
      for (const chunk of chunks) body.come(Buffer.from(chunk));
      body.end();
      assert.deepEqual((await held).body.whole, Buffer.concat(chunks));
    }),
  );
});

test("what is too long to be held passes as it comes, with what was held before it", async () => {
  await fc.assert(
    fc.asyncProperty(CHUNKS, CHUNKS, fc.integer({ min: 0, max: 300 }), async (early, late, maxBytes) => {
      const body = new ScriptedBody();
      const held = holdBody(response(body), { ...LIMITS, maxBytes });
      body.come(Buffer.alloc(maxBytes + 1, 1), ...early.map((chunk) => Buffer.from(chunk)));
      const { body: passable } = await held;
      assert.equal(passable.whole, undefined);
      const taken = take(passable);
      body.come(...late.map((chunk) => Buffer.from(chunk)));
      body.end();
      assert.deepEqual(await taken, Buffer.concat([Buffer.alloc(maxBytes + 1, 1), ...early, ...late]));
    }),
  );
});

test("when the time is up it fails as stalled, or passes as it comes", async () => {
  const stalled = new ScriptedBody();
  stalled.come(Buffer.from("half"));
  await assert.rejects(holdBody(response(stalled), { ...LIMITS, timeoutMs: 1 }), { failure: "stalled" });
  assert.ok(stalled.isDiscarded);

  const late = new ScriptedBody();
  late.come(Buffer.from("half"));
  const { body } = await holdBody(response(late), { ...LIMITS, timeoutMs: 1, afterwards: "stream" });
  assert.equal(body.whole, undefined);
  const taken = take(body);
  late.come(Buffer.from(" and half"));
  late.end();
  assert.equal((await taken).toString(), "half and half");
});

test("a body that is cut fails before anybody has seen it, and one that passes fails then", async () => {
  const cut = new UpstreamError("truncated", "cut");
  const body = new ScriptedBody();
  const held = holdBody(response(body), LIMITS);
  body.come(Buffer.from("half"));
  body.fail(cut);
  await assert.rejects(held, cut);

  const long = new ScriptedBody();
  long.come(Buffer.alloc(2));
  const passing = take((await holdBody(response(long), { ...LIMITS, maxBytes: 1 })).body);
  long.fail(cut);
  await assert.rejects(passing, cut);
});
