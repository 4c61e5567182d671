import assert from "node:assert/strict";
import { test } from "node:test";
import type { Listener } from "../../../src/proxy/listener.ts";
import { readRequestFacts } from "../../../src/proxy/request-facts.ts";

const NAMES = { isolation: "x-isolation", trigger: "x-trigger" };
const LISTENER: Listener = { name: "a", host: "", port: 0, allowPush: false, peerIdentity: "none" };
const TRACE = "0af7651916cd43dd8448eb211c80319c";

const RANGES: Readonly<Record<string, number | undefined>> = {
  "bytes=0-": 0,
  "bytes=100-199": 100,
  "bytes=5-6,9-": 5,
  "bytes=-5": undefined,
  "bytes=": undefined,
  "items=1-2": undefined,
  "bytes=x-": undefined,
  "bytes=99999999999999999-": undefined,
};

for (const [range, expected] of Object.entries(RANGES)) {
  test(`the first byte of Range: ${range} is ${expected ?? "not told"}`, () => {
    assert.equal(readRequestFacts(["rAnGe", range], LISTENER, NAMES).rangeStart, expected);
  });
}

test("a trace id is told when it is one", () => {
  assert.equal(traceId(`00-${TRACE}-b7ad6b7169203331-01`), TRACE);
  assert.equal(traceId(` cc-${TRACE}-b7ad6b7169203331-01-what-the-next-version-says `), TRACE);
  for (const value of [
    "",
    TRACE,
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`,
    `00-${TRACE}-b7ad6b7169203331-01x`,
    `00-${TRACE}0-b7ad6b7169203331-01`,
  ]) {
    assert.equal(traceId(value), undefined, value);
  }
});

test("a header's label goes before the listener's, unless it is fit for none", () => {
  const listener: Listener = { ...LISTENER, isolation: "podman", trigger: "execution" };
  const labels = (isolation: string, trigger: string): unknown => {
    const facts = readRequestFacts(["X-Isolation", isolation, "X-Trigger", trigger], listener, NAMES);
    return [facts.isolation, facts.trigger];
  };
  assert.deepEqual(labels("firecracker", "Warmup"), ["firecracker", "warmup"]);
  for (const unfit of ["", " ", "a b", "a\u00e9", "-a", '"a"', "x".repeat(64)]) {
    assert.deepEqual(labels(unfit, unfit), ["podman", "execution"], unfit);
  }
  const none = readRequestFacts([], LISTENER, NAMES);
  assert.ok(!("isolation" in none) && !("trigger" in none));
});

test("another proxy's mark is seen, under any of its names", () => {
  for (const name of ["Via", "X-Forwarded-For", "FORWARDED"]) {
    assert.equal(readRequestFacts([name, "x"], LISTENER, NAMES).forwarded, true, name);
  }
  assert.equal(readRequestFacts(["X-Via", "x"], LISTENER, NAMES).forwarded, false);
});

function traceId(value: string): string | undefined {
  return readRequestFacts(["Traceparent", value], LISTENER, NAMES).traceId;
}
