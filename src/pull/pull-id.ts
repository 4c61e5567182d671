/** Digits of a millisecond time in base 36: enough until the year 5188. */
const TIME_DIGITS = 9;
/** 1.6 million pulls before the counter of one process takes a digit more. */
const COUNTER_DIGITS = 4;

/** An id that sorts by start time and is unique in this process; `suffix` tells processes apart. */
export function pullId(startMs: number, count: number, suffix: string): string {
  const time = Math.max(0, Math.floor(startMs)).toString(36).padStart(TIME_DIGITS, "0");
  return `${time}${count.toString(36).padStart(COUNTER_DIGITS, "0")}${suffix}`;
}
