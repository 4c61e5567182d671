import { registryLabel, UNKNOWN } from "./registry-label.ts";

/**
 * The value of the label `registry` for what ended so: metrics and pull log take it from here. What was refused has no
 * name but that of a configured registry (host[:port]), or clients could fill the label with names that they make up.
 */
export function observedRegistry(host: string, outcome: string, configured: ReadonlySet<string>): string {
  return outcome === "refused" && !configured.has(host) ? UNKNOWN : registryLabel(host);
}
