import { observedRegistry } from "../label/observed-registry.ts";
import type { Caps } from "./limits.ts";

/** The value of the label `registry` in metrics, which is one of so many. */
export function registryValue(caps: Caps, host: string, outcome: string): string {
  return caps.registry.admit(observedRegistry(host, outcome, caps.configuredRegistries));
}

/** Counters and histograms throw on anything else; an observer never does. */
export function atLeastZero(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0;
}
