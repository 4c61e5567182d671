import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultPlan } from "../../../bench/truth/faults.ts";

const BLOB = `/v2/lib/app/blobs/sha256:${"a".repeat(64)}`;

function treatments(seed: number, faults: boolean): { status?: number; cutAt?: number }[] {
  const plan = new FaultPlan(seed, faults);
  return Array.from({ length: 2000 }, (_, index) =>
    plan.treat("GET", `${BLOB.slice(0, -4)}${String(index).padStart(4, "0")}`),
  );
}

test("without faults every request is served", () => {
  assert.ok(treatments(1, false).every(({ status, cutAt }) => status === undefined && cutAt === undefined));
});

test("with faults every kind of failure happens, and most requests are served", () => {
  const all = treatments(1, true);
  for (const status of [429, 500, 503])
    assert.ok(
      all.some((one) => one.status === status),
      String(status),
    );
  assert.ok(
    all.some(({ cutAt }) => cutAt !== undefined),
    "cut",
  );
  assert.ok(all.filter(({ status, cutAt }) => status === undefined && cutAt === undefined).length > 1500);
});

test("the plan depends on the seed and on how often a request was made, not on the order of requests", () => {
  const forwards = new FaultPlan(3, true);
  const backwards = new FaultPlan(3, true);
  const paths = Array.from({ length: 300 }, (_, index) => `/v2/lib/app-${index}/manifests/v1`);
  const first = paths.map((path) => forwards.treat("GET", path));
  assert.deepEqual(
    paths
      .toReversed()
      .map((path) => backwards.treat("GET", path))
      .toReversed(),
    first,
  );
  assert.notDeepEqual(
    paths.map((path) => new FaultPlan(4, true).treat("GET", path)),
    first,
  );
});

test("a stubborn fault outlasts the proxy's retries, and ends", () => {
  const plan = new FaultPlan(5, true);
  const runs: number[] = [];
  for (let number = 0; number < 3000; number += 1) {
    const path = `/v2/lib/app/blobs/sha256:${String(number).padStart(64, "0")}`;
    let failures = 0;
    while (failures < 50 && [500, 503].includes(plan.treat("GET", path).status ?? 200)) failures += 1;
    runs.push(failures);
  }
  assert.ok(
    runs.some((failures) => failures === 1),
    "some pass after one failure",
  );
  assert.ok(
    runs.some((failures) => failures >= 6),
    "some fail again and again",
  );
  assert.ok(Math.max(...runs) < 50, "all end");
});
