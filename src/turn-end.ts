/**
 * Calls `write` now if no other request is under way; otherwise when this turn of the event loop has handled all that came.
 * A write wakes whoever waits for it, and to wake a process that sleeps costs ten times as much as the write; those that
 * are written one right after the other find it awake.
 */
export function atTurnEnd(underWay: number, write: () => void): void {
  if (underWay < 2) write();
  else afterTurn(write);
}

let waiting: (() => void)[] = [];

/** Calls `act` when this turn of the event loop has handled all that came, after those that were given before. */
export function afterTurn(act: () => void): void {
  if (waiting.length === 0) setImmediate(actAll);
  waiting.push(act);
}

/** One immediate for all: one of its own costs each of them as much as what it does. */
function actAll(): void {
  const acts = waiting;
  waiting = [];
  for (const act of acts) act();
}
