/** What a client asks for, in the order in which the built-in one does. `resolve` is the HEAD of the manifest. */
export const PHASES = ["ping", "resolve", "manifest", "config", "layer"] as const;
export type Phase = (typeof PHASES)[number];

/** How often a fault happens in one cell. */
export const REPEATS = ["once", "twice", "always"] as const;
export type Repeat = (typeof REPEATS)[number];

export const TIMES: Readonly<Record<Repeat, number>> = { once: 1, twice: 2, always: Number.POSITIVE_INFINITY };

/** The proxy holds these answers until they are whole; of the others the client has the beginning when they break. */
export function isHeld(phase: Phase): boolean {
  return phase === "ping" || phase === "resolve" || phase === "manifest";
}
