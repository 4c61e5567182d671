import type { Cell } from "./cells.ts";
import { expectationOf, observationsOf, type ClientHabits, type Expected } from "./expected.ts";
import { describeSeen, type Seen } from "./seen.ts";

/** Everything that is known of one cell after its pull. */
export interface CellFacts {
  readonly cell: Cell;
  readonly seen: Seen;
  /** How often the fault happened. */
  readonly happened: number;
  readonly seconds: number;
  /** Causes of the observations that the proxy made of it. */
  readonly causes: readonly string[];
  /** Of the proxy to the cell's servers, long after the end. */
  readonly openConnections: number;
  /** The proxy answered a probe after the pull. */
  readonly healthy: boolean;
}

export type Verdict =
  /** The client noticed nothing. */
  | "unseen"
  /** The client was told, as it may be. */
  | "told"
  /** The client was told, and need not have been. */
  | "visible"
  /** Something that must never be. */
  | "broken";

export interface Judged {
  readonly facts: CellFacts;
  readonly expected: Expected;
  readonly verdict: Verdict;
  /** Why it is not green; empty if it is. */
  readonly reasons: readonly string[];
}

export function judge(facts: CellFacts, client: ClientHabits): Judged {
  const expected = expectationOf(facts.cell, client);
  const broken = [
    ...brokenBySeen(facts.seen, expected),
    ...brokenByObservation(facts, expected),
    ...(facts.openConnections > 0 ? [`${facts.openConnections} connections were left open`] : []),
    ...(facts.healthy ? [] : ["the proxy did not answer afterwards"]),
  ];
  if (broken.length > 0) return { facts, expected, verdict: "broken", reasons: broken };
  if (facts.seen.kind === "ok") {
    if (facts.happened > 0) return { facts, expected, verdict: "unseen", reasons: [] };
    return { facts, expected, verdict: "broken", reasons: ["the fault never happened: the bench is wrong"] };
  }
  const neverResumed = facts.cell.fault.place.at === "resume" && facts.happened === 0;
  if (expected.recoverable || neverResumed) {
    const reasons = [`${describeSeen(facts.seen)}${neverResumed ? ", and was not resumed" : ""}`];
    return { facts, expected, verdict: "visible", reasons };
  }
  return { facts, expected, verdict: "told", reasons: [] };
}

function brokenBySeen(seen: Seen, expected: Expected): string[] {
  switch (seen.kind) {
    case "ok":
      return expected.told ? ["the client noticed nothing of what never ends"] : [];
    case "hang":
      return [`hang in ${seen.phase}`];
    case "wrong bytes":
      return expected.wrongBytes ? [] : [`a whole answer with wrong bytes in ${seen.phase}`];
    case "cut":
      return expected.mayBeCut ? [] : [`cut in ${seen.phase} without an answer`];
    case "status":
      return seen.status === expected.status ? [] : [`${seen.status} in ${seen.phase}, not ${expected.status}`];
    case "failed":
      return [];
  }
}

function brokenByObservation({ cell, seen, causes }: CellFacts, expected: Expected): string[] {
  const noticed = seen.kind !== "ok";
  const count = observationsOf(noticed, cell);
  if (causes.length !== count) return [`${causes.length} observations, not ${count}: ${causes.join(", ")}`];
  const wanted: readonly string[] = noticed ? expected.causes : ["none"];
  return causes
    .filter((observed) => !wanted.includes(observed))
    .map((observed) => `cause ${observed}, not ${wanted.join(" or ")}`);
}

/** The bar: nothing broken, and this share of the recoverable cells unseen. */
export const UNSEEN_SHARE = 0.95;

export interface Figures {
  readonly cells: number;
  readonly broken: number;
  readonly recoverable: number;
  readonly unseen: number;
}

export function figuresOf(judged: readonly Judged[]): Figures {
  const recoverable = judged.filter(({ expected }) => expected.recoverable);
  return {
    cells: judged.length,
    broken: judged.filter(({ verdict }) => verdict === "broken").length,
    recoverable: recoverable.length,
    unseen: recoverable.filter(({ facts }) => facts.seen.kind === "ok").length,
  };
}

/** What is below the bar, one line each. */
export function shortfallsOf({ broken, recoverable, unseen }: Figures): string[] {
  const lacks = broken > 0 ? [`${broken} cells are broken`] : [];
  if (unseen < recoverable * UNSEEN_SHARE) {
    lacks.push(
      `${unseen} of ${recoverable} recoverable cells were invisible to the client, bar ${100 * UNSEEN_SHARE} %`,
    );
  }
  return lacks;
}
