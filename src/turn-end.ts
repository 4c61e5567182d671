/**
 * Calls `write` now if no other request is under way; otherwise when the event loop has handled all that came: in this
 * turn or, if many are under way, also in the next one, which finds what came meanwhile. A write wakes whoever waits for
 * it, and to wake a process that sleeps costs ten times as much as the write; those that are written one right after the
 * other find it awake.
 */
export function atTurnEnd(underWay: number, write: () => void): void {
  if (underWay < 2) write();
  else afterTurns(underWay < MANY ? 1 : 2, write);
}

/** 5: with fewer, the turn more that each waits costs more than it gathers (measured with 2 to 32 connections). */
const MANY = 5;

let waiting: (() => void)[] = [];

/** Calls `act` when this turn of the event loop has handled all that came, or soon after, behind those that were given before. */
export function afterTurn(act: () => void): void {
  afterTurns(1, act);
}

/** One immediate for all: one of its own costs each of them as much as what it does. The first says how long they wait. */
function afterTurns(turns: number, act: () => void): void {
  if (waiting.length === 0) setImmediate(turns === 1 ? actAll : waitOneMore);
  waiting.push(act);
}

function waitOneMore(): void {
  setImmediate(actAll);
}

function actAll(): void {
  const acts = waiting;
  waiting = [];
  for (const act of acts) act();
}
