/** A span of time, in milliseconds. */
export type Milliseconds = number;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

// https://pkg.go.dev/time@go1.24#ParseDuration, without signs and without units below a millisecond
// Digits are bounded: without, finding a part in a million of them would take quadratic time.
const DURATION = /^(?:(?:\d{1,20}(?:\.\d{1,20})?)(?:ms|s|m|h))+$/;
const PART = /(\d{1,20}(?:\.\d{1,20})?)(ms|s|m|h)/g;

/** Reads a duration in Go's notation (`20ms`, `1m30s`, `1.5h`). Returns undefined if it is none. */
export function parseDuration(text: string): Milliseconds | undefined {
  if (text === "0") return 0;
  if (!DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, amount = "", unit = ""] of text.matchAll(PART)) total += Number(amount) * (UNIT_MS[unit] ?? Number.NaN);
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined;
}

/** Prints a duration in Go's notation, largest unit first, parts that are zero left out. */
export function formatDuration(duration: Milliseconds): string {
  if (duration === 0) return "0s";
  let rest = duration;
  let text = "";
  for (const unit of ["h", "m", "s", "ms"]) {
    const unitMs = UNIT_MS[unit] ?? 1;
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text;
}
