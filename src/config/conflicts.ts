import { formatAddress, overlaps, parseAddress, type Address } from "./address.ts";
import { formatPath } from "./problem.ts";
import { parseRegistryHost } from "../oci/registry-host.ts";

/** A value that is good by itself and wrong beside another. */
export interface Conflict {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/**
 * Finds what no single value shows: two listeners with one name or address, headers that are one, registries spelled in
 * a way that nothing matches. Reads settings as users write them, so that it runs beside other mistakes. `isGiven` tells
 * what the user wrote from what is a default: of two that collide, the user can only change the former.
 */
export function findConflicts(
  settings: unknown,
  isGiven: (path: readonly PropertyKey[]) => boolean,
): readonly Conflict[] {
  return [
    ...findAddressConflicts(settings, isGiven),
    ...findNameConflicts(settings),
    ...findHeaderConflict(settings),
    ...findBadHosts(settings),
  ];
}

function findAddressConflicts(settings: unknown, isGiven: (path: readonly PropertyKey[]) => boolean): Conflict[] {
  const listeners = listOf(settings, "listeners").map((_, index) => ["listeners", index, "address"]);
  const paths = [...listeners, ["admin", "address"]].toSorted((a, b) => Number(isGiven(a)) - Number(isGiven(b)));
  const taken: { path: readonly PropertyKey[]; address: Address }[] = [];
  const conflicts: Conflict[] = [];
  for (const path of paths) {
    const text = valueAt(settings, path);
    const address = typeof text === "string" ? parseAddress(text) : undefined;
    if (address === undefined) continue;
    const other = taken.find((earlier) => overlaps(earlier.address, address));
    if (other === undefined) taken.push({ path, address });
    else {
      const holder = `${formatPath(other.path)} (${formatAddress(other.address)})`;
      conflicts.push({ path, message: `address in use; expected one that leaves room for ${holder}` });
    }
  }
  return conflicts;
}

function findNameConflicts(settings: unknown): Conflict[] {
  const names = listOf(settings, "listeners").map((_, index) => valueAt(settings, ["listeners", index, "name"]));
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    if (typeof name !== "string" || first === index) return [];
    const message = `name in use; expected one that listeners[${first}] does not have (got ${JSON.stringify(name)})`;
    return [{ path: ["listeners", index, "name"], message }];
  });
}

function findHeaderConflict(settings: unknown): Conflict[] {
  const [isolation, trigger] = ["isolation", "trigger"].map((key) => valueAt(settings, ["headers", key]));
  if (typeof isolation !== "string" || typeof trigger !== "string") return [];
  if (isolation.toLowerCase() !== trigger.toLowerCase()) return [];
  const message = `header in use; expected one that headers.isolation does not have (got ${JSON.stringify(trigger)})`;
  return [{ path: ["headers", "trigger"], message }];
}

function findBadHosts(settings: unknown): Conflict[] {
  const registries = valueAt(settings, ["registries"]);
  if (!isMapping(registries)) return [];
  return Object.keys(registries)
    .filter((host) => parseRegistryHost(host) !== host)
    .map((host) => ({
      path: ["registries", host],
      message: "not a registry; expected HOST or HOST:PORT in lower case, without scheme or path",
    }));
}

export function listOf(settings: unknown, key: string): readonly unknown[] {
  const value = valueAt(settings, [key]);
  return Array.isArray(value) ? value : [];
}

/** The value that a path leads to. Undefined if it leads nowhere. */
export function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if ((!isMapping(value) && !Array.isArray(value)) || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

export function isMapping(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
