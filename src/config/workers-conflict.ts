import { isMapping, listOf, valueAt, type Conflict } from "./conflicts.ts";

/** Finds tokens that are to be relayed by several processes: each could read only those that it sealed itself. */
export function findWorkersConflict(settings: unknown): readonly Conflict[] {
  const workers = Number(valueAt(settings, ["workers"]) ?? 1);
  const relaying = relayingSetting(settings);
  if (!(workers > 1) || relaying === undefined) return [];
  const message = `too many for ${relaying}: relay, as tokens are sealed with the key of one process; expected 1 (got ${workers})`;
  return [{ path: ["workers"], message }];
}

function relayingSetting(settings: unknown): string | undefined {
  const listener = listOf(settings, "listeners").findIndex((_, index) => isRelay(settings, ["listeners", index]));
  if (listener !== -1) return `listeners[${listener}].tokens`;
  const registries = valueAt(settings, ["registries"]);
  const hosts = isMapping(registries) ? Object.keys(registries) : [];
  const host = hosts.find((name) => isRelay(registries, [name]));
  return host === undefined ? undefined : `registries[${JSON.stringify(host)}].tokens`;
}

function isRelay(root: unknown, path: readonly PropertyKey[]): boolean {
  return valueAt(root, [...path, "tokens"]) === "relay";
}
