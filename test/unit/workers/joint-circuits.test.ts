import assert from "node:assert/strict";
import { test } from "node:test";
import type { CircuitChanged } from "../../../src/pull/transfer-event.ts";
import { JointCircuits } from "../../../src/workers/joint-circuits.ts";

function change(state: CircuitChanged["state"], host = "one.test"): CircuitChanged {
  return { type: "circuit-changed", atMs: 1000, registry: "registry.test", host, state };
}

test("a host is reachable again when every worker that had found it unreachable says so", () => {
  const circuits = new JointCircuits();
  assert.deepEqual(circuits.join(1, change("open")), change("open"));
  assert.deepEqual(circuits.join(2, change("open")), change("open"));
  assert.deepEqual(circuits.join(1, change("half_open")), change("half_open"));
  assert.equal(circuits.join(1, change("closed")), undefined);
  assert.deepEqual(circuits.join(2, change("closed")), change("closed"));
});

test("a worker that never found it unreachable does not make it reachable", () => {
  const circuits = new JointCircuits();
  circuits.join(1, change("open"));
  assert.equal(circuits.join(2, change("closed")), undefined);
  assert.deepEqual(circuits.join(2, change("open", "two.test")), change("open", "two.test"));
  assert.deepEqual(circuits.join(1, change("closed")), change("closed"));
});
