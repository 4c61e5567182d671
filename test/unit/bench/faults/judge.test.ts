import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCells, nameOf } from "../../../../bench/faults/cells.ts";
import { figuresOf, judge, shortfallsOf, type CellFacts, type Judged } from "../../../../bench/faults/judge.ts";
import { faultTable, notGreen, summary } from "../../../../bench/faults/table.ts";

const CELLS = new Map(makeCells(1).map((cell) => [nameOf(cell), cell]));

function judged(name: string, facts: Partial<CellFacts>): Judged {
  const cell = CELLS.get(name);
  assert.ok(cell, name);
  const seen = { kind: "ok" } as const;
  const green = { cell, seen, happened: 1, seconds: 1, causes: ["none"], openConnections: 0, healthy: true };
  return judge({ ...green, ...facts }, { repeats: false });
}

const CUT = { kind: "cut", phase: "layer" } as const;

test("a pull that went well in spite of its fault is green", () => {
  assert.equal(judged("reset at byte k, layer, once", {}).verdict, "unseen");
});

test("a client that is told what need not have been is counted; told what never ends is as it must be", () => {
  assert.equal(judged("reset at byte k, layer, once", { seen: CUT, causes: ["truncated"] }).verdict, "visible");
  assert.equal(judged("reset at byte k, layer, always", { seen: CUT, causes: ["truncated"] }).verdict, "told");
});

test("each thing that must never be breaks a cell", () => {
  const name = "reset at byte k, layer, always";
  const told = { seen: CUT, causes: ["truncated"] };
  assert.equal(judged(name, told).verdict, "told");
  const wrong: Partial<CellFacts>[] = [
    { seen: { kind: "wrong bytes", phase: "layer" } },
    { seen: { kind: "hang", phase: "layer" } },
    { seen: { kind: "status", phase: "layer", status: 404 } },
    { causes: [] },
    { causes: ["truncated", "truncated"] },
    { causes: ["connect"] },
    { openConnections: 1 },
    { healthy: false },
    { seen: { kind: "ok" }, causes: ["none"] },
  ];
  for (const one of wrong) assert.equal(judged(name, { ...told, ...one }).verdict, "broken", JSON.stringify(one));
});

test("a fault that did not happen proves nothing", () => {
  assert.equal(judged("503, layer, once", { happened: 0 }).verdict, "broken");
  const unresumed = { seen: CUT, causes: ["truncated"], happened: 0 };
  assert.equal(judged("206 of another total, layer, always", unresumed).verdict, "visible");
});

test("wrong bytes that the registry itself serves whole are the client's to find", () => {
  const seen = { kind: "wrong bytes", phase: "layer" } as const;
  assert.equal(judged("corrupted byte, layer, once", { seen }).verdict, "told");
});

test("the bar is 95 % of the recoverable cells, and nothing broken", () => {
  const good = judged("503, layer, once", {});
  const visible = judged("503, layer, once", {
    seen: { kind: "status", phase: "layer", status: 503 },
    causes: ["upstream_5xx"],
  });
  const of = (unseen: number, seen: number): string[] =>
    shortfallsOf(figuresOf([...Array<Judged>(unseen).fill(good), ...Array<Judged>(seen).fill(visible)]));
  assert.deepEqual(of(95, 5), []);
  assert.equal(of(94, 6).length, 1);
  const broken = judged("503, layer, once", { causes: [] });
  assert.deepEqual(shortfallsOf(figuresOf([broken])), ["1 cells are broken"]);
});

test("the table has a symbol for each repeat in each phase, what was told, and its cause", () => {
  const status = { kind: "status", phase: "ping", status: 503 } as const;
  const all = [
    judged("503, ping, once", {}),
    judged("503, ping, twice", { seen: status, causes: [] }),
    judged("503, layer, always", { seen: { ...status, phase: "layer" }, causes: ["upstream_5xx"] }),
    judged("503, config, once", { causes: [] }),
  ];
  const row = faultTable(all).split("\n").at(-1);
  assert.equal(row, "| 503 | ●△· | ··· | ··· | ✗·· | ··○ | 503 | `upstream_5xx` |");
  assert.deepEqual(notGreen(all), [
    "△ **503**, ping: 503 in ping (twice)",
    "✗ **503**, config: 0 observations, not 1:  (once)",
  ]);
  assert.equal(summary(all), "4 cells, 1 broken; 2 of 3 recoverable faults invisible to the client (66.7 %)");
});
