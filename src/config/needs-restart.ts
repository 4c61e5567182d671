import type { Config } from "./config.ts";
import { isMapping } from "./conflicts.ts";
import type { LoadedConfig } from "./load.ts";
import type { Problem } from "./problem.ts";

type Path = readonly PropertyKey[];

/** What a running process takes over, with all that is below it; `*` is each entry. Everything else needs a restart. */
export const LIVE_SETTINGS: readonly (readonly string[])[] = [
  ["isolation"],
  ["trigger"],
  ["allowPush"],
  ["peerIdentity"],
  ["verifyBlobs"],
  ["registries"],
  ["allowRegistries"],
  ["wellKnownRegistries"],
  ["listeners", "*", "isolation"],
  ["listeners", "*", "trigger"],
  ["listeners", "*", "allowPush"],
  ["listeners", "*", "peerIdentity"],
  ["listeners", "*", "tokens"],
  ["admin", "linger"],
  ["traces"],
  ["push"],
  ["headers"],
  ["timeouts"],
  ["tracker"],
  ["log"],
];

/** What the files of listeners say; they are looked at on their own. */
const CONTENT_OF_FILES: typeof LIVE_SETTINGS = [
  ["listeners", "*", "protection"],
  ["admin", "protection"],
];

/** Each change that a running process cannot take over, where it was written. */
export function findNeedsRestart(running: Config, { config, originOf }: Pick<LoadedConfig, "config" | "originOf">) {
  return [...listenerChanges(running, config), ...changesBelow([], others(running), others(config))].map(
    ({ path, message }, order): Problem => ({
      where: originOf(path),
      order,
      path,
      message: `${message}; needs a restart`,
    }),
  );
}

interface Change {
  readonly path: Path;
  readonly message: string;
}

/** Listeners are known by their names: their order means nothing. */
function listenerChanges(running: Config, next: Config): readonly Change[] {
  const gone = running.listeners.filter(({ name }) => !next.listeners.some((listener) => listener.name === name));
  return [
    ...gone.map(({ name }) => ({ path: ["listeners"], message: `${JSON.stringify(name)} is not there any more` })),
    ...next.listeners.flatMap((listener, index) => {
      const path = ["listeners", index];
      const known = running.listeners.find(({ name }) => name === listener.name);
      if (known === undefined) return [{ path, message: `${JSON.stringify(listener.name)} is new` }];
      return changesBelow(path, known, listener);
    }),
  ];
}

function others({ listeners: _listeners, ...config }: Config): unknown {
  return config;
}

function changesBelow(path: Path, before: unknown, after: unknown): readonly Change[] {
  if ([...LIVE_SETTINGS, ...CONTENT_OF_FILES].some((live) => isAt(path, live)) || typeof after === "function")
    return [];
  if (isPlain(before) && isPlain(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => changesBelow([...path, key], before[key], after[key]));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, message: "changed" }];
}

/** A URL is one value, and so is an address. */
function isPlain(value: unknown): value is Record<PropertyKey, unknown> {
  return isMapping(value) && !(value instanceof URL) && !("host" in value);
}

function isAt(path: Path, live: readonly string[]): boolean {
  return path.length === live.length && live.every((key, index) => key === "*" || key === path[index]);
}
