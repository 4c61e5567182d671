import assert from "node:assert/strict";
import { test } from "node:test";
import { NotAsked } from "../../../src/upstream/circuit.ts";
import { BRIEF, PATIENT, pauseBefore, type Outcome } from "../../../src/upstream/retry.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";

const broken = (code: string): Error => Object.assign(new Error(code), { code });

const PASSING: readonly (readonly [string, Outcome])[] = [
  ["502", { status: 502 }],
  ["503", { status: 503 }],
  ["504", { status: 504 }],
  ["a connection that fails", new UpstreamError("connect", "x")],
  ["a name that is not found", new UpstreamError("dns", "x")],
  ["a connection that breaks", new UpstreamError("truncated", "x")],
  ["a head that does not come", new UpstreamError("header_timeout", "x")],
  ["a manifest of other bytes", new UpstreamError("digest_mismatch", "x")],
  ["a body that stalls", new UpstreamError("stalled", "x")],
  ["a handshake that breaks", new UpstreamError("tls", "x", { cause: broken("ECONNRESET") })],
];

const FINAL: readonly (readonly [string, Outcome])[] = [
  ...[200, 206, 304, 307, 400, 401, 403, 404, 416, 429, 500, 501].map(
    (status) => [String(status), { status }] as const,
  ),
  ["an expired certificate", new UpstreamError("tls", "x", { cause: broken("CERT_HAS_EXPIRED") })],
  ["an unknown CA", new UpstreamError("tls", "x", { cause: broken("DEPTH_ZERO_SELF_SIGNED_CERT") })],
  ["a refusal", new UpstreamError("refused", "x")],
  ["a client that went away", new UpstreamError("client_aborted", "x")],
  ["a mistake of ours", new UpstreamError("proxy", "x")],
  ["a host that is not asked", new NotAsked("x", 5)],
];

for (const [what, outcome] of PASSING) {
  test(`${what} is tried again, ever later, and not for ever`, () => {
    const pauses = [1, 2, 3, 4].map((attempt) => pauseBefore(outcome, attempt, PATIENT));
    assert.deepEqual(pauses, [250, 625, 1562.5, undefined]);
    assert.deepEqual(
      [1, 2, 3].map((attempt) => pauseBefore(outcome, attempt, BRIEF)),
      [100, 300, undefined],
    );
  });
}

for (const [what, outcome] of FINAL) {
  test(`${what} is told as it is`, () => assert.equal(pauseBefore(outcome, 1, PATIENT), undefined));
}

test("a server that says when to come again is not asked before, and not at all if it is long", () => {
  assert.equal(pauseBefore({ status: 503, retryAfter: "1" }, 1, BRIEF), 1000);
  assert.equal(pauseBefore({ status: 503, retryAfter: "0" }, 1, BRIEF), 100);
  assert.equal(pauseBefore({ status: 503, retryAfter: "60" }, 1, BRIEF), undefined);
  assert.equal(pauseBefore({ status: 503, retryAfter: "Wed, 21 Oct 2099 07:28:00 GMT" }, 1, BRIEF), undefined);
});
