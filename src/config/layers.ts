import type { ConfigFile } from "./config-file.ts";
import { isMapping, valueAt } from "./conflicts.ts";
import type { Assignment } from "./setting.ts";

/** Where a value was written. */
export interface Origin {
  readonly where: string;
  readonly order: number;
}

/** Settings as users write them, laid over each other, each with the place that it comes from. */
export class Layers {
  readonly #file: { readonly name: string; readonly lineOf: ConfigFile["lineOf"] } | undefined;
  readonly #origins = new Map<string, Origin>();
  #value: unknown;

  constructor(file?: { readonly name: string; readonly content: ConfigFile }) {
    this.#file = file && { name: file.name, lineOf: (path) => file.content.lineOf(path) };
    this.#value = file?.content.value ?? {};
  }

  get value(): unknown {
    return this.#value;
  }

  /** Puts a value over what is there. What is above it must be mappings: where it is not, the file has a mistake. */
  assign({ path, value }: Assignment, origin: Origin): void {
    const created = !this.has(path);
    // What is missing beside it is told where this was given.
    const above = path.map((_, length) => path.slice(0, length)).filter((one) => one.length > 0 && !this.has(one));
    for (const one of above) this.#origins.set(keyOf(one), origin);
    const merged = isMapping(value) ? { ...asMapping(valueAt(this.#value, path)), ...value } : value;
    this.#value = withValue(this.#value, path, merged);
    if (created || !isMapping(value)) this.#origins.set(keyOf(path), origin);
    // Of a mapping only its own keys: what is beside them may come from elsewhere.
    for (const key of isMapping(value) ? Object.keys(value) : []) this.#origins.set(keyOf([...path, key]), origin);
  }

  /** The place that decides about a path: the flag or variable that set it, else the line in the file. */
  originOf(path: readonly PropertyKey[]): Origin {
    for (let length = path.length; length > 0; length -= 1) {
      const origin = this.#origins.get(keyOf(path.slice(0, length)));
      if (origin !== undefined) return origin;
    }
    if (this.#file === undefined) return { where: "default", order: 0 };
    const line = this.#file.lineOf(path);
    return { where: `${this.#file.name}:${line}`, order: line };
  }

  /** True if some layer has a value at a path. */
  has(path: readonly PropertyKey[]): boolean {
    return valueAt(this.#value, path) !== undefined;
  }
}

function withValue(root: unknown, path: readonly PropertyKey[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (root !== undefined && !isMapping(root)) return root;
  return { ...root, [key]: withValue(root?.[key], rest, value) };
}

function asMapping(value: unknown): Record<PropertyKey, unknown> {
  return isMapping(value) ? value : {};
}

function keyOf(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String));
}
