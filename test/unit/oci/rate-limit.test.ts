import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readRateLimit, type RateLimit } from "../../../src/oci/rate-limit.ts";

function read(headers: Readonly<Record<string, string>>): RateLimit | undefined {
  return readRateLimit((name) => headers[name]);
}

const CASES: ReadonlyArray<readonly [form: string, headers: Record<string, string>, expected: RateLimit | undefined]> =
  [
    [
      "Docker Hub",
      { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600" },
      { limit: 100, remaining: 76, windowSeconds: 21_600 },
    ],
    ["Docker Hub, nothing left", { "ratelimit-remaining": "0;w=21600" }, { remaining: 0, windowSeconds: 21_600 }],
    [
      "draft 03 with a policy of the same limit in the list",
      { "ratelimit-limit": "10, 10;w=1, 100;w=60", "ratelimit-remaining": "4", "ratelimit-reset": "1" },
      { limit: 10, remaining: 4, windowSeconds: 1 },
    ],
    [
      "draft 03 without a policy",
      { "ratelimit-limit": "5000", "ratelimit-remaining": "4999" },
      { limit: 5000, remaining: 4999 },
    ],
    [
      "draft 06 with policies in their own header",
      { "ratelimit-limit": "100", "ratelimit-remaining": "40", "ratelimit-policy": "10;w=1, 100;w=60" },
      { limit: 100, remaining: 40, windowSeconds: 60 },
    ],
    [
      "draft 07",
      { ratelimit: "limit=100, remaining=50, reset=5", "ratelimit-policy": "100;w=60" },
      { limit: 100, remaining: 50, windowSeconds: 60 },
    ],
    [
      "draft 08",
      { ratelimit: '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60;pk=:cHsdsRa894==:' },
      { limit: 100, remaining: 50, windowSeconds: 60 },
    ],
    [
      "draft 08 with several limits, of which one is nearly used up",
      {
        ratelimit: '"daily, all";r=900;t=3600, "burst";r=1;t=2',
        "ratelimit-policy": '"daily, all";q=1000;w=86400,"burst";q=10;w=1',
      },
      { limit: 10, remaining: 1, windowSeconds: 1 },
    ],
    ["draft 08 without its policy", { ratelimit: '"default";r=50' }, { remaining: 50 }],
    ["no header", {}, undefined],
    ["a policy alone", { "ratelimit-policy": "100;w=60" }, undefined],
    ["no number", { "ratelimit-limit": "many;w=some", "ratelimit-remaining": "-1" }, undefined],
    ["a number of 16 digits", { "ratelimit-limit": "1000000000000000" }, undefined],
    ["a header of 2 KiB", { "ratelimit-limit": `100${" ".repeat(2048)}` }, undefined],
    ["an empty header", { ratelimit: "", "ratelimit-limit": "7" }, { limit: 7 }],
  ];

for (const [form, headers, expected] of CASES) {
  test(`rate limit: ${form}`, () => assert.deepEqual(read(headers), expected));
}

test("whatever the headers are, numbers are whole and not negative, and something is known", () => {
  const value = fc.stringMatching(/^[0-9a-z;=,"\s-]{0,40}$/);
  fc.assert(
    fc.property(
      fc.record(
        { ratelimit: value, "ratelimit-policy": value, "ratelimit-limit": value, "ratelimit-remaining": value },
        { requiredKeys: [] },
      ),
      (headers) => {
        const found = read(headers);
        if (found === undefined) return;
        assert.ok(found.limit !== undefined || found.remaining !== undefined);
        for (const number of Object.values(found)) assert.ok(Number.isSafeInteger(number) && number >= 0);
      },
    ),
    { numRuns: 1000 },
  );
});
