import assert from "node:assert/strict";
import { test } from "node:test";
import { FAULTS } from "../../../../bench/faults/catalogue.ts";
import { expectationOf, observationsOf, type Expected } from "../../../../bench/faults/expected.ts";
import type { Phase, Repeat } from "../../../../bench/faults/phases.ts";

function expected(name: string, phase: Phase, repeat: Repeat, repeats = false): Expected {
  const fault = FAULTS.find((one) => one.name === name);
  assert.ok(fault, name);
  return expectationOf({ fault, phase, repeat }, { repeats });
}

test("a fault that passes is recoverable, the same fault without end is told", () => {
  for (const name of ["connection refused", "503", "reset at byte k", "206 from another offset"]) {
    assert.equal(expected(name, "layer", "once").recoverable, true, name);
    assert.equal(expected(name, "layer", "twice").recoverable, true, name);
    const always = expected(name, "layer", "always");
    assert.deepEqual([always.recoverable, always.told], [false, true], name);
  }
});

test("what the registry itself answers is never to be hidden", () => {
  for (const status of [401, 403, 404, 429, 500]) {
    const once = expected(String(status), "manifest", "once");
    assert.deepEqual([once.recoverable, once.status], [false, status]);
  }
});

test("what harms nobody is to go unseen without end", () => {
  for (const name of ["trickle", "103 before the head", "200 to a Range", "long body"]) {
    const always = expected(name, "layer", "always");
    assert.deepEqual([always.recoverable, always.told], [true, false], name);
  }
});

test("wrong bytes of a manifest are known to the proxy, those of blobs to their client alone", () => {
  assert.deepEqual(expected("corrupted byte", "manifest", "once").causes, ["digest_mismatch"]);
  assert.deepEqual(expected("corrupted byte", "layer", "once").causes, ["none"]);
  assert.equal(expected("reset at byte k", "layer", "always").wrongBytes, false);
});

test("a wrong length can be made good only while the answer is held", () => {
  assert.equal(expected("Content-Length too large", "manifest", "once").recoverable, true);
  assert.equal(expected("Content-Length too large", "layer", "once").recoverable, false);
});

test("the status that is told is that of the failure", () => {
  assert.equal(expected("connection refused", "ping", "always").status, 502);
  assert.equal(expected("no head", "ping", "always").status, 504);
  assert.equal(expected("stall at byte k", "manifest", "always").status, 504);
});

test("a client that resumes by itself is told what the registry answers it", () => {
  const name = "307, signature expires in the body";
  assert.deepEqual(expected(name, "layer", "always", true).causes, ["truncated", "denied"]);
  assert.deepEqual(expected(name, "layer", "always").causes, ["truncated"]);
});

test("a client that is refused at its ping makes no pull; every other pull is observed once", () => {
  assert.equal(observationsOf(true, { phase: "ping" }), 0);
  assert.equal(observationsOf(false, { phase: "ping" }), 1);
  assert.equal(observationsOf(true, { phase: "layer" }), 1);
});
