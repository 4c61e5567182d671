import { registryLabel } from "../label/registry-label.ts";
import type { Caps } from "./limits.ts";

/** A registry that was refused gets no place of its own: clients must not fill the label with names they make up. */
export function registryValue(caps: Caps, host: string, result: string): string {
  const label = registryLabel(host);
  return result === "refused" && !caps.registry.has(label) ? "[UNKNOWN]" : caps.registry.admit(label);
}

/** Counters and histograms throw on anything else; an observer never does. */
export function atLeastZero(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0;
}
