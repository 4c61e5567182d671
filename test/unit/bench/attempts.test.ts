import assert from "node:assert/strict";
import { test } from "node:test";
import { heldResponses } from "../../../bench/truth/attempts.ts";

const URL_OF_BLOB = "/v2/lib/app/blobs/x";

function held(endMs: number): string[] {
  const exchange = {
    seq: 1,
    listener: "l",
    connection: 1,
    pull: 1,
    method: "GET",
    url: `${URL_OF_BLOB}?ns=a`,
    headers: {},
    startMs: 0,
    endMs,
    bytes: 1,
  };
  const recorded = { registry: "a", method: "GET", url: URL_OF_BLOB, startMs: 5, lastByteMs: 20, endMs: 21, bytes: 1 };
  return heldResponses({ exchanges: [exchange], recorded: [recorded] });
}

test("a response that goes on long after the registry's side has ended was held by the proxy", () => {
  assert.deepEqual(held(900), []);
  assert.deepEqual(held(60_021), [
    `GET ${URL_OF_BLOB}?ns=a: held 60000 ms after the registry's side had ended, 60021 ms in all`,
  ]);
});
