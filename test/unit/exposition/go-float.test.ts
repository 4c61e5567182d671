import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatGoFloat } from "../../../src/exposition/go-float.ts";

// Printed by Go 1.26: strconv.FormatFloat(value, 'g', -1, 64).
const PRINTED_BY_GO: ReadonlyArray<readonly [value: number, text: string]> = [
  [0, "0"],
  [-0, "0"],
  [1, "1"],
  [-1, "-1"],
  [0.1, "0.1"],
  [0.005, "0.005"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [0.0000123, "1.23e-05"],
  [1.5, "1.5"],
  [78_125, "78125"],
  [999_999, "999999"],
  [999_999.5, "999999.5"],
  [1_000_000, "1e+06"],
  [1_953_125, "1.953125e+06"],
  [1_220_703_125, "1.220703125e+09"],
  [-1_953_125, "-1.953125e+06"],
  [123_456_789, "1.23456789e+08"],
  [1e20, "1e+20"],
  [1e21, "1e+21"],
  [1e100, "1e+100"],
  [1.7976931348623157e308, "1.7976931348623157e+308"],
  [5e-324, "5e-324"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "+Inf"],
  [Number.NEGATIVE_INFINITY, "-Inf"],
];

for (const [value, text] of PRINTED_BY_GO) {
  test(`${value} is printed ${text}`, () => assert.equal(formatGoFloat(value), text));
}

test("every finite number reads back the same, in the form that Go's rule asks for", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = formatGoFloat(value);
      assert.equal(Number(text), value === 0 ? 0 : value);
      const size = Math.abs(value);
      assert.equal(text.includes("e"), size !== 0 && (size < 1e-4 || size >= 1e6), text);
      assert.match(text, /^-?\d+(?:\.\d+)?(?:e[+-]\d{2,3})?$/);
    }),
    { numRuns: 2000 },
  );
});
