/** 4: with fewer under way, what is saved is less than what waiting costs. */
const CROWD = 4;

/**
 * Calls `write` now, or with `underWay` requests and more, when this turn of the event loop has handled all that came.
 * A write wakes whoever waits for it, and to wake a process that sleeps costs ten times as much as the write; those that
 * are written one right after the other find it awake.
 */
export function atTurnEnd(underWay: number, write: () => void): void {
  if (underWay < CROWD) write();
  else setImmediate(write);
}
