import { Cap, isLabelWord, type CapOptions } from "../label/cap.ts";
import { registryLabel } from "../label/registry-label.ts";
import { TRIGGERS, type CAPPED_LABELS } from "./label-values.ts";

type CappedLabel = (typeof CAPPED_LABELS)[number];

/** 40 registrable domains: real fleets pull from a dozen. */
export const MAX_REGISTRIES = 40;

/** 20 registrable domains of which phases are told: 70 series each. */
export const MAX_PHASE_REGISTRIES = 20;

/** 16 isolations: the origin knows six, and pullmeter names one for each family of clients. */
export const MAX_ISOLATIONS = 16;

/** 32 characters: a request header may name it, and each of its series repeats it. The longest known has 11. */
const MAX_ISOLATION_LENGTH = 32;

function isIsolation(value: string): boolean {
  return value.length <= MAX_ISOLATION_LENGTH && isLabelWord(value);
}

/** 20 registrable domains of CDNs and object stores: a registry uses one or two. */
export const MAX_SERVING_DOMAINS = 20;

/**
 * 120 combinations of a pull's labels, at 40 series each the bulk of a scrape: three isolations with five registries
 * have less, and this many keep a scrape below 2 MB.
 */
export const MAX_COMBINATIONS = 120;

/** 500 combinations of a request's labels: 40 registries have a dozen each. */
export const MAX_REQUEST_COMBINATIONS = 500;

/** What [UNKNOWN] and [IP_ADDRESS] stand for must not be lost in [OTHER]. */
const UNNAMED_REGISTRIES = ["[UNKNOWN]", "[IP_ADDRESS]"];

/** Values of the label `registry` that always have their place: those of the configured registries among them. */
export function knownRegistryLabels(registries: readonly string[]): readonly string[] {
  return [...new Set([...UNNAMED_REGISTRIES, ...registries.map(registryLabel)])];
}

/** Most values of the label `registry`, without [OTHER]. */
export function maxRegistries(registries: readonly string[]): number {
  return Math.max(MAX_REGISTRIES, knownRegistryLabels(registries).length);
}

/** What combinations are made of went through caps of its own. */
const anything = () => true;

export type Caps = ReturnType<typeof createCaps>;

/** The caps of the labels whose values are not closed. `registries`: the configured ones, host[:port]. */
export function createCaps(registries: readonly string[], overflowed: (label: CappedLabel) => void) {
  const cap = (label: CappedLabel, options: Omit<CapOptions, "overflowed">) =>
    new Cap({ ...options, overflowed: () => overflowed(label) });
  const configuredRegistries = new Set(registries);
  const registry = cap("registry", { limit: maxRegistries(registries), known: knownRegistryLabels(registries) });
  return {
    configuredRegistries,
    registry,
    /** More registries are configured. Those that are not any more keep their series. */
    configure: (more: readonly string[]) => {
      for (const host of more) configuredRegistries.add(host);
      registry.reserve(knownRegistryLabels(more));
    },
    phaseRegistry: cap("phase_registry", { limit: MAX_PHASE_REGISTRIES, known: UNNAMED_REGISTRIES }),
    isolation: cap("isolation", { limit: MAX_ISOLATIONS, accepts: isIsolation }),
    trigger: cap("trigger", { limit: TRIGGERS.length, known: TRIGGERS }),
    servingDomain: cap("serving_domain", { limit: MAX_SERVING_DOMAINS }),
    combination: cap("combination", { limit: MAX_COMBINATIONS, accepts: anything }),
    requestCombination: cap("request_combination", { limit: MAX_REQUEST_COMBINATIONS, accepts: anything }),
  };
}
