import type { Config } from "./config.ts";

/** What the metrics take from the configuration; the number of their series depends on nothing else. */
export function toMetricsOptions({ metrics, registries, listeners }: Config): {
  readonly imageFetchHistogram: string | false;
  readonly registries: readonly string[];
} {
  const ofListeners = listeners.map((listener) => listener.registry);
  return {
    imageFetchHistogram: metrics.originName === "none" ? false : metrics.originName,
    // Registries that the operator named: they never share a label value with others.
    registries: [...registries.keys(), ...ofListeners.filter((registry) => registry !== undefined)],
  };
}
