import type { Cause } from "../../src/pull/outcome.ts";
import type { Rule } from "./catalogue.ts";
import type { Cell } from "./cells.ts";

/** What a cell may come to. */
export interface Expected {
  /** The fault is such that a client need not notice it: these cells make up the share that the bar asks for. */
  readonly recoverable: boolean;
  /** The client must be told, and the pull must fail: the fault never ends. */
  readonly told: boolean;
  /** Cause of the one observation if the client noticed: one of these. */
  readonly causes: readonly Cause[];
  /** Status that the client is told if no head had gone out. */
  readonly status: number;
  /** The client may see its connection cut: a part of the body had gone out. */
  readonly mayBeCut: boolean;
  /** What the registry serves whole has other bytes than the digest says. */
  readonly wrongBytes: boolean;
}

export interface ClientHabits {
  /** It asks again for what failed, and for the rest of what was cut. */
  readonly repeats: boolean;
}

export function expectationOf(cell: Pick<Cell, "fault" | "phase" | "repeat">, { repeats }: ClientHabits): Expected {
  const { fault, phase, repeat } = cell;
  const rule = ruleOf(cell);
  const cause = typeof fault.cause === "function" ? fault.cause(phase) : fault.cause;
  return {
    recoverable: rule === "harmless" || (rule === "passing" && repeat !== "always"),
    told: rule !== "harmless" && repeat === "always",
    causes: repeats ? [cause, ...(fault.causesOfOwnResume ?? [])] : [cause],
    status: fault.status ?? statusOf(cause),
    mayBeCut: fault.inBody === true,
    wrongBytes: rule === "wrong bytes",
  };
}

export function ruleOf({ fault, phase }: Pick<Cell, "fault" | "phase">): Rule {
  return typeof fault.rule === "function" ? fault.rule(phase) : fault.rule;
}

/** docs/request-handling.md, step 7. */
function statusOf(cause: Cause): number {
  return cause === "header_timeout" || cause === "stalled" ? 504 : 502;
}

/** A client that is refused at the ping asks for no image: there is no pull to observe (docs/operations.md). */
export function observationsOf(noticed: boolean, { phase }: Pick<Cell, "phase">): number {
  return noticed && phase === "ping" ? 0 : 1;
}
