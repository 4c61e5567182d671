import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, isLoopback, overlaps, parseAddress, type Address } from "../../../src/config/address.ts";

const accepted: readonly [text: string, address: Address][] = [
  ["127.0.0.1:5000", { host: "127.0.0.1", port: 5000 }],
  [":5000", { host: "", port: 5000 }],
  ["[::1]:5000", { host: "::1", port: 5000 }],
  ["[::]:0", { host: "::", port: 0 }],
  ["localhost:65535", { host: "localhost", port: 65_535 }],
  ["my-node.internal:80", { host: "my-node.internal", port: 80 }],
];

for (const [text, address] of accepted) {
  test(`${text} is an address and printed as it was written`, () => {
    assert.deepEqual(parseAddress(text), address);
    assert.equal(formatAddress(address), text);
  });
}

for (const text of [
  "",
  "5000",
  "127.0.0.1",
  "127.0.0.1:",
  "127.0.0.1:65536",
  "127.1:80",
  "::1:80",
  "[127.0.0.1]:80",
  "a b:80",
  "http://a:80",
  "a:80/",
]) {
  test(`${JSON.stringify(text)} is no address`, () => assert.equal(parseAddress(text), undefined));
}

const pairs: readonly [a: string, b: string, overlap: boolean][] = [
  ["127.0.0.1:5000", "127.0.0.1:5000", true],
  ["127.0.0.1:5000", "127.0.0.1:5001", false],
  ["127.0.0.1:5000", "127.0.0.2:5000", false],
  ["127.0.0.1:5000", ":5000", true],
  ["0.0.0.0:5000", "127.0.0.1:5000", true],
  ["[::]:5000", "[::1]:5000", true],
  ["127.0.0.1:0", "127.0.0.1:0", false],
];

for (const [a, b, overlap] of pairs) {
  test(`${a} and ${b} ${overlap ? "exclude each other" : "can be had together"}`, () => {
    const [left, right] = [parseAddress(a), parseAddress(b)];
    assert.ok(left && right);
    assert.equal(overlaps(left, right), overlap);
    assert.equal(overlaps(right, left), overlap);
  });
}

test("only loopback addresses count as such", () => {
  const loopback = ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", ":1", "10.0.0.1:1", "[::]:1"].filter(
    (text) => {
      const address = parseAddress(text);
      return address !== undefined && isLoopback(address);
    },
  );
  assert.deepEqual(loopback, ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"]);
});
