import assert from "node:assert/strict";
import { test } from "node:test";
import { FAULTS } from "../../../../bench/faults/catalogue.ts";
import { makeCells, nameOf, sampleCells } from "../../../../bench/faults/cells.ts";
import { PHASES } from "../../../../bench/faults/phases.ts";

const described = (seed: number): string[] =>
  makeCells(seed).map((cell) => `${nameOf(cell)} ${cell.secure} ${cell.redirected} ${cell.share(0)} ${cell.share(1)}`);

test("the same seed makes the same cells, another seed other positions in the same matrix", () => {
  assert.deepEqual(described(1), described(1));
  assert.notDeepEqual(described(1), described(2));
  assert.deepEqual(makeCells(1).map(nameOf), makeCells(2).map(nameOf));
});

test("names of faults and cells are unique, and every phase is hit by faults of every kind", () => {
  const cells = makeCells(1);
  assert.equal(new Set(FAULTS.map(({ name }) => name)).size, FAULTS.length);
  assert.equal(new Set(cells.map(nameOf)).size, cells.length);
  for (const phase of PHASES) {
    for (const at of ["name", "accept", "answer"] as const)
      assert.ok(
        cells.some((cell) => cell.phase === phase && cell.fault.place.at === at),
        `${phase} ${at}`,
      );
  }
});

test("faults of TLS and of redirects come with TLS and redirects, and a body is hit neither at its start nor at its end", () => {
  for (const cell of makeCells(3)) {
    if (cell.fault.needsTls === true) assert.ok(cell.secure, nameOf(cell));
    if (cell.fault.behindRedirect === true) assert.ok(cell.redirected, nameOf(cell));
    assert.ok(cell.share(0) > 0 && cell.share(0) < 1);
    assert.notEqual(cell.share(0), cell.share(1));
  }
});

test("a sample has every fault, is no larger than asked for, and depends on the seed", () => {
  const cells = makeCells(1);
  const sample = sampleCells(cells, 1, 100);
  assert.equal(sample.length, 100);
  assert.deepEqual(new Set(sample.map(({ fault }) => fault.name)), new Set(FAULTS.map(({ name }) => name)));
  assert.notDeepEqual(sample.map(nameOf), sampleCells(cells, 2, 100).map(nameOf));
});
