import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constantFrom, property, tuple } from "fast-check";
import { parseRoute } from "../../../src/oci/route.ts";

const PIECES = ["/", "//", ".", "..", "%2e", "%2F", "%5c", "\\", "%25", "%00", ";", "?", "#", "a", "b1", "uploads"];
const ENDPOINTS = ["/manifests/", "/blobs/uploads/", "/blobs/", "/tags/list", `/referrers/sha256:${"a".repeat(64)}`];

test("no path that has a route changes when it is normalised, or decoded once more", () => {
  const piece = constantFrom(...PIECES);
  const path = tuple(array(piece, { maxLength: 4 }), constantFrom(...ENDPOINTS), array(piece, { maxLength: 4 })).map(
    ([before, endpoint, after]) => `/v2/${before.join("")}${endpoint}${after.join("")}`,
  );
  let routes = 0;
  check(
    property(path, (text) => {
      if (parseRoute(text).kind === "invalid") return;
      routes += 1;
      const decoded = decodeURIComponent(text);
      assert.equal(decodeURIComponent(decoded), decoded);
      assert.equal(new URL(decoded, "http://registry.test").pathname, decoded);
      assert.doesNotMatch(decoded, /\/\/|\\|;/);
    }),
    { numRuns: 10_000 },
  );
  assert.ok(routes > 20, `${routes} paths had a route`);
});

for (const session of ["", "1", "9f0b3a6e-6c1a-4d55-8c0e-0f6f1f0a9d11", "AJMKJQ_x-y~z=", "a.b:c@1", "a%3Db"]) {
  test(`uploads/${session} is an upload`, () => {
    assert.deepEqual(parseRoute(`/v2/a/b/blobs/uploads/${session}`), { kind: "upload", repository: "a/b" });
  });
}
