import { SeededRandom } from "../truth/seeded-random.ts";
import { FAULTS, type Fault } from "./catalogue.ts";
import type { Phase, Repeat } from "./phases.ts";

/** One fault in one phase, so many times. */
export interface Cell {
  readonly id: number;
  readonly fault: Fault;
  readonly phase: Phase;
  readonly repeat: Repeat;
  readonly secure: boolean;
  /** What faults hit is served from where the registry redirects to. */
  readonly redirected: boolean;
  /** Where in the body the fault happens for the nth time, from 0: a share of it. */
  share(nth: number): number;
}

/** Every cell. Byte positions, TLS and redirects come from the seed, what is in the matrix does not. */
export function makeCells(seed: number): Cell[] {
  const all = FAULTS.flatMap((fault) =>
    fault.phases.flatMap((phase) => fault.repeats.map((repeat) => ({ fault, phase, repeat }))),
  );
  return all.map((parts, id) => makeCell(seed, id, parts));
}

function makeCell(seed: number, id: number, parts: Pick<Cell, "fault" | "phase" | "repeat">): Cell {
  const { fault, phase, repeat } = parts;
  const random = new SeededRandom(seed, "cell", fault.name, phase, repeat);
  const secure = random.chance(0.5) || fault.needsTls === true;
  const mayRedirect = (phase === "config" || phase === "layer") && fault.inBody === true;
  const redirected = (random.chance(0.5) && mayRedirect) || fault.behindRedirect === true;
  const share = (nth: number): number =>
    new SeededRandom(seed, "share", fault.name, phase, repeat, nth).between(0.05, 0.95);
  return { id, ...parts, secure, redirected, share };
}

/** A part of the cells, drawn by the seed: each fault at least once, then whatever comes. */
export function sampleCells(cells: readonly Cell[], seed: number, count: number): Cell[] {
  const random = new SeededRandom(seed, "sample");
  const shuffled = random.sample(cells, cells.length);
  const first = new Set<Cell>();
  const faults = new Set<Fault>();
  for (const cell of shuffled) {
    if (faults.has(cell.fault)) continue;
    faults.add(cell.fault);
    first.add(cell);
  }
  const rest = shuffled.filter((cell) => !first.has(cell)).slice(0, Math.max(0, count - first.size));
  return [...first, ...rest].toSorted((one, other) => one.id - other.id);
}

export function nameOf({ fault, phase, repeat }: Pick<Cell, "fault" | "phase" | "repeat">): string {
  return `${fault.name}, ${phase}, ${repeat}`;
}
