import assert from "node:assert/strict";
import { test } from "node:test";
import { rewriteBearerChallenges } from "../../../src/oci/rewrite-challenge.ts";

const toX = (name: string): string | undefined => (name === "realm" ? "X" : undefined);

for (const [title, given, expected] of [
  ["alone", 'Bearer realm="https://a/token"', 'Bearer realm="X"'],
  [
    "between others",
    'bearer  a=b , Realm = "r" ,service="s\\"realm=\\"t"',
    'bearer  a=b , Realm = "X" ,service="s\\"realm=\\"t"',
  ],
  ["without quotes", "Bearer realm=r,service=s", 'Bearer realm="X",service=s'],
  ["beside another scheme", 'Basic realm="b", Bearer realm="r"', 'Basic realm="b", Bearer realm="X"'],
  ["before another scheme", 'Bearer realm="r", Basic realm="b"', 'Bearer realm="X", Basic realm="b"'],
  ["of another scheme only", 'Basic realm="b"', 'Basic realm="b"'],
  ["within a quoted text", 'Bearer service="realm=r"', 'Bearer service="realm=r"'],
  ["in nothing", "", ""],
] as const) {
  test(`a realm ${title} is found, and every other byte stays`, () => {
    assert.equal(rewriteBearerChallenges(given, toX), expected);
  });
}

test("values are given without their quotes, and new ones get what they need", () => {
  const seen: string[] = [];
  const text = rewriteBearerChallenges('Bearer realm="a\\"b"', (_, value) => {
    seen.push(value);
    return 'c"d\\e';
  });
  assert.deepEqual([seen, text], [['a"b'], 'Bearer realm="c\\"d\\\\e"']);
});

test("no text makes it slow", () => {
  const startMs = performance.now();
  for (const part of ['"', "\\", "a=", 'a="', "Bearer ", ",", '"\\']) rewriteBearerChallenges(part.repeat(30_000), toX);
  assert.ok(performance.now() - startMs < 1000);
});
