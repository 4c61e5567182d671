import { isLoopback, parseAddress } from "./address.ts";
import { isMapping, listOf, valueAt, type Conflict } from "./conflicts.ts";
import { formatFound } from "./problem.ts";

/** Finds listeners that would protect nothing: `auth` without anybody, and passwords that the network can read. */
export function findProtectionConflicts(settings: unknown): readonly Conflict[] {
  const listeners = listOf(settings, "listeners").map((_, index) => ["listeners", index]);
  return [
    ...[...listeners, ["admin"]].flatMap((path) => findEmptyAuth(settings, [...path, "auth"])),
    ...listeners.flatMap((path) => findCleartextTokens(settings, path)),
  ];
}

function findEmptyAuth(settings: unknown, path: readonly PropertyKey[]): Conflict[] {
  const auth = valueAt(settings, path);
  if (!isMapping(auth) || auth["basicFile"] !== undefined || auth["bearerFile"] !== undefined) return [];
  return [{ path, message: "nobody may use the listener; expected basicFile, bearerFile or both" }];
}

function findCleartextTokens(settings: unknown, path: readonly PropertyKey[]): Conflict[] {
  const text = valueAt(settings, [...path, "address"]);
  const address = typeof text === "string" ? parseAddress(text) : undefined;
  if (address === undefined || isLoopback(address) || valueAt(settings, [...path, "tls"]) !== undefined) return [];
  if (valueAt(settings, [...path, "allowCleartextTokens"]) === true) return [];
  const relaying = relayingSetting(settings, path);
  if (relaying === undefined) return [];
  const message = `the network could read passwords, because ${relaying} is "relay"; expected tls, an address on loopback, or allowCleartextTokens: true (got ${formatFound(text)})`;
  return [{ path: [...path, "address"], message }];
}

/** Every registry can be reached through every listener: requests may name it. */
function relayingSetting(settings: unknown, path: readonly PropertyKey[]): string | undefined {
  if (valueAt(settings, [...path, "tokens"]) === "relay") return "its tokens";
  const registries = valueAt(settings, ["registries"]);
  const hosts = isMapping(registries) ? Object.keys(registries) : [];
  const host = hosts.find((name) => valueAt(registries, [name, "tokens"]) === "relay");
  return host === undefined ? undefined : `registries[${JSON.stringify(host)}].tokens`;
}
