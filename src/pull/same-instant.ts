import type { TransferEvent } from "./transfer-event.ts";

/** Events of one millisecond that are held back at most: a busy proxy reports ten, a stopped clock any number. */
const MAX_HELD = 1_024;

/**
 * Holds events until the millisecond in which they happened is over, and gives them out in the one order in which a
 * client can have caused them. Connections are served at once, so what one of them reports may overtake what made the
 * client use the other: the request for a blob can be told before the end of the manifest that lists it.
 */
export class SameInstant {
  #held: TransferEvent[] = [];

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** True if those held so far are to be taken before `event` is held. */
  isOver(event: TransferEvent): boolean {
    const first = this.#held[0];
    if (first === undefined) return false;
    return Math.floor(first.atMs) !== Math.floor(event.atMs) || this.#held.length >= MAX_HELD;
  }

  hold(event: TransferEvent): void {
    this.#held.push(event);
  }

  /** Gives out what is held, in order. */
  take(): readonly TransferEvent[] {
    const held = this.#held;
    this.#held = [];
    return held.length > 1 ? held.toSorted(byCause) : held;
  }
}

/** Throws the first mistake only after the last event: one about one event must not keep the others from being seen. */
export function applyEach(events: readonly TransferEvent[], apply: (event: TransferEvent) => void): void {
  const mistakes: unknown[] = [];
  for (const event of events) {
    try {
      apply(event);
    } catch (mistake) {
      mistakes.push(mistake);
    }
  }
  if (mistakes.length > 0) throw mistakes[0];
}

/** Openings, then requests in the order of their ids, each from start to end, then closings. */
function byCause(left: TransferEvent, right: TransferEvent): number {
  return rankOf(left) - rankOf(right) || numberOf(left) - numberOf(right) || stepOf(left) - stepOf(right);
}

function rankOf(event: TransferEvent): number {
  if (event.type === "connection-opened") return 0;
  return event.type === "connection-closed" ? 2 : 1;
}

function numberOf(event: TransferEvent): number {
  if ("transfer" in event) return event.transfer;
  return "connection" in event ? event.connection : 0;
}

/** A request's events, from its start to its end. */
const STEPS: Partial<Record<TransferEvent["type"], number>> = { started: 0, "upstream-exchanged": 1, responded: 2 };

function stepOf({ type }: TransferEvent): number {
  return STEPS[type] ?? 3;
}
