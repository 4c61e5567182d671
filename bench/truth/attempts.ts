import type { Recorded } from "./recorder.ts";
import type { Exchange } from "./tap.ts";

/** The proxy seen from both sides. */
export interface Wire {
  readonly exchanges: readonly Exchange[];
  readonly recorded: readonly Recorded[];
}

/** Two clocks of one machine: what is later by the one may be a little earlier by the other. */
const CLOCK_SLACK_MS = 2;

function contentKey({ method, url }: { readonly method: string; readonly url: string }): string {
  return `${method} ${new URL(url, "http://wire.invalid").pathname}`;
}

/** The requests at the registry's side that the proxy made for each request of a client: its tries, in order. */
export function attemptsOf({ exchanges, recorded }: Wire): Map<Exchange, Recorded[]> {
  const waiting = Map.groupBy(exchanges, contentKey);
  const attempts = new Map<Exchange, Recorded[]>();
  for (const one of recorded.toSorted((a, b) => a.startMs - b.startMs)) {
    const open = (waiting.get(contentKey(one)) ?? []).filter(
      ({ startMs, endMs = Infinity }) =>
        startMs <= one.startMs + CLOCK_SLACK_MS && endMs >= one.startMs - CLOCK_SLACK_MS,
    );
    // Two clients can ask for the same at once: each has its first try before anyone has a second.
    const owner = open.find((exchange) => !attempts.has(exchange)) ?? open[0];
    if (owner !== undefined) attempts.set(owner, [...(attempts.get(owner) ?? []), one]);
  }
  return attempts;
}

/**
 * Milliseconds that a response may still take after the registry's side is done with it: 30 s for which the rest of a cut
 * blob is looked for (tries for two clients of one blob are not told apart here), and 10 s for a slow reader.
 */
const PATIENCE_MS = 40_000;

/** Responses that the proxy held open although the registry's side had ended: it must never hang. */
export function heldResponses(wire: Wire): string[] {
  const held: string[] = [];
  for (const [{ method, url, startMs, endMs = Infinity }, attempts] of attemptsOf(wire)) {
    const last = attempts.at(-1);
    const heldMs = endMs - (last?.endMs ?? endMs);
    if (heldMs > PATIENCE_MS)
      held.push(
        `${method} ${url}: held ${Math.round(heldMs)} ms after the registry's side had ended, ${Math.round(endMs - startMs)} ms in all`,
      );
  }
  return held;
}
