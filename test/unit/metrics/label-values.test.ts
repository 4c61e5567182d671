import assert from "node:assert/strict";
import { test } from "node:test";
import { operationOf, OPERATIONS, OUTCOMES, outcomeOfStatus } from "../../../src/metrics/label-values.ts";
import { parseRoute } from "../../../src/oci/route.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

const CASES: ReadonlyArray<readonly [method: string, path: string, operation: (typeof OPERATIONS)[number]]> = [
  ["GET", "/v2/", "ping"],
  ["HEAD", "/v2/", "ping"],
  ["GET", "/v2/a/manifests/v1", "manifest_get"],
  ["HEAD", "/v2/a/manifests/v1", "manifest_head"],
  ["PUT", "/v2/a/manifests/v1", "push"],
  ["DELETE", "/v2/a/manifests/v1", "push"],
  ["GET", `/v2/a/blobs/${DIGEST}`, "blob_get"],
  ["HEAD", `/v2/a/blobs/${DIGEST}`, "blob_head"],
  ["POST", "/v2/a/blobs/uploads/", "push"],
  ["GET", "/v2/a/blobs/uploads/1", "other"],
  ["GET", "/v2/a/tags/list", "other"],
  ["GET", `/v2/a/referrers/${DIGEST}`, "other"],
  ["GET", "/v2/_catalog", "other"],
  ["GET", "/nothing", "invalid"],
  ["POST", "/nothing", "invalid"],
];

for (const [method, path, operation] of CASES) {
  test(`${method} ${path.slice(0, 30)} is the operation ${operation}`, () => {
    assert.equal(operationOf({ method, route: parseRoute(path) }), operation);
  });
}

test("every status has an outcome that is documented", () => {
  assert.deepEqual([101, 200, 206, 304, 307, 401, 429, 500, 599, 999, 0].map(outcomeOfStatus), [
    "1xx",
    "2xx",
    "2xx",
    "3xx",
    "3xx",
    "4xx",
    "4xx",
    "5xx",
    "5xx",
    "5xx",
    "5xx",
  ]);
  for (let status = 0; status < 1000; status++) assert.ok(OUTCOMES.includes(outcomeOfStatus(status)));
});
