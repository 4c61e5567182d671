import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions, UsageError, wholeNumber } from "../../../bench/command-line.ts";

test("options are read, and what is none of them is told", () => {
  const options = { rounds: { type: "string", default: "3" }, short: { type: "boolean", default: false } } as const;
  assert.deepEqual({ ...parseOptions(options, ["--short"]) }, { rounds: "3", short: true });
  for (const [args, told] of [
    [["--nosuch"], /--nosuch/],
    [["--rounds"], /--rounds/],
    [["file"], /file/],
    [["--short=x"], /--short/],
  ] as const) {
    assert.throws(
      () => parseOptions(options, [...args]),
      (error) => error instanceof UsageError && told.test(error.message),
    );
  }
});

test("a whole number is one, and not less than the least", () => {
  assert.equal(wholeNumber("--rounds", "12"), 12);
  assert.equal(wholeNumber("--idle", "0", 0), 0);
  for (const given of ["0", "-1", "1.5", "", "x", "1e3", "9999999999"]) {
    assert.throws(() => wholeNumber("--rounds", given), {
      message: `--rounds: "${given}" is not a whole number from 1 on`,
    });
  }
});
