import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenSealer } from "../../../src/proxy/sealed-token.ts";

const AUTHORIZATION = `Basic ${btoa("alice:sesame")}`;

test("what was sealed for a registry comes out again, and cannot be seen in between", () => {
  const sealer = new TokenSealer(() => 0);
  const token = sealer.seal("one.test", AUTHORIZATION);
  assert.ok(sealer.isSealed(token) && /^[\w.-]+$/.test(token));
  assert.ok(!Buffer.from(token.slice("pullmeter.".length), "base64url").includes("sesame"));
  assert.equal(sealer.open("one.test", token), AUTHORIZATION);
  assert.equal(sealer.open("one.test", sealer.seal("one.test", "")), "");
  assert.notEqual(sealer.seal("one.test", AUTHORIZATION), token, "no two are alike");
});

test("another registry, another process, or any other byte opens nothing", () => {
  const sealer = new TokenSealer(() => 0);
  const token = sealer.seal("one.test", AUTHORIZATION);
  assert.equal(sealer.open("two.test", token), "");
  assert.equal(new TokenSealer(() => 0).open("one.test", token), "");
  for (let at = "pullmeter.".length; at < token.length; at += 1) {
    const changed = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
    // The last character may have bits that stand for nothing.
    if (Buffer.from(changed, "base64url").equals(Buffer.from(token, "base64url"))) continue;
    assert.equal(sealer.open("one.test", changed), "");
  }
  for (const text of ["pullmeter.", "pullmeter.AAAA", `pullmeter.${"A".repeat(1000)}`]) {
    assert.equal(sealer.open("one.test", text), "");
  }
});

test("a token is good for five minutes, and a little for clocks that differ", () => {
  let nowMs = 1_000_000;
  const sealer = new TokenSealer(() => nowMs);
  const token = sealer.seal("one.test", AUTHORIZATION);
  nowMs += 300_000;
  assert.equal(sealer.open("one.test", token), AUTHORIZATION);
  nowMs += 60_001;
  assert.equal(sealer.open("one.test", token), "");
});
