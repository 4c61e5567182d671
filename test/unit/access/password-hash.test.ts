import assert from "node:assert/strict";
import { test } from "node:test";
import { hashPassword, isPassword, parsePasswordHash } from "../../../src/access/password-hash.ts";

test("a password is recognised by its hash, another one is not", async () => {
  const hash = parsePasswordHash(await hashPassword("correct horse"));
  assert.ok(hash);
  assert.equal(await isPassword("correct horse", hash), true);
  assert.equal(await isPassword("correct horsE", hash), false);
  assert.equal(await isPassword("", hash), false);
});

test("the same password has another hash each time", async () => {
  assert.notEqual(await hashPassword("same"), await hashPassword("same"));
});

// RFC 7914 §12: scrypt(P="pleaseletmein", S="SodiumChloride", N=16384, r=8, p=1, dkLen=64)
const VECTOR =
  "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw";

test("a hash that another program made is read: the test vector of RFC 7914", async () => {
  const hash = parsePasswordHash(VECTOR);
  assert.ok(hash);
  assert.equal(await isPassword("pleaseletmein", hash), true);
});

for (const text of [
  "",
  "password",
  "$2y$10$abcdefghijklmnopqrstuv",
  VECTOR.replace("ln=14", "ln=0"),
  VECTOR.replace("ln=14", "ln=17"),
  VECTOR.replace("r=8", "r=0"),
  VECTOR.replace("p=1", "p=0"),
  VECTOR.replace("U29kaXVtQ2hsb3JpZGU", "short"),
  `${VECTOR}=`,
]) {
  test(`${JSON.stringify(text.slice(0, 30))} is no hash, or one that costs too much`, () => {
    assert.equal(parsePasswordHash(text), undefined);
  });
}
