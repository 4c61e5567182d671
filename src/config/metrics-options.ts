import type { Config } from "./config.ts";

/** What the metrics take from the configuration; the number of their series depends on nothing else. */
export function toMetricsOptions({ metrics, registries, listeners, workers }: Config): {
  readonly imageFetchHistogram: string | false;
  readonly registries: readonly string[];
  readonly workers?: number;
} {
  const ofListeners = listeners.map((listener) => listener.registry);
  return {
    imageFetchHistogram: metrics.originName === "none" ? false : metrics.originName,
    ...(workers > 1 && { workers }),
    // Registries that the operator named: they never share a label value with others.
    registries: [...registries.keys(), ...ofListeners.filter((registry) => registry !== undefined)],
  };
}
