import assert from "node:assert/strict";
import { test } from "node:test";
import { couldNotConnect, UpstreamError } from "../../../src/upstream/upstream-error.ts";

const failedWith = (code: string): UpstreamError =>
  new UpstreamError("connect", "x", { cause: Object.assign(new Error(code), { code }) });

test("a connection that fails for want of descriptors, ports or memory says nothing of its host", () => {
  for (const code of ["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS", "ENOMEM"]) {
    assert.equal(couldNotConnect(failedWith(code)), false, code);
  }
  for (const code of ["ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH"]) assert.ok(couldNotConnect(failedWith(code)), code);
  assert.ok(!couldNotConnect(new UpstreamError("truncated", "x")));
});
