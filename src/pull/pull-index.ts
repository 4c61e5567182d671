import type { Pull } from "./pull.ts";

/** Live pulls by some key, oldest entry first: what an event costs does not depend on how many there are. */
export class PullIndex<Key> {
  readonly #byKey = new Map<Key, Set<Pull>>();

  add(key: Key, pull: Pull): void {
    const pulls = this.#byKey.get(key);
    if (pulls === undefined) this.#byKey.set(key, new Set([pull]));
    else pulls.add(pull);
  }

  delete(key: Key, pull: Pull): void {
    const pulls = this.#byKey.get(key);
    pulls?.delete(pull);
    if (pulls?.size === 0) this.#byKey.delete(key);
  }

  get(key: Key): ReadonlySet<Pull> {
    return this.#byKey.get(key) ?? NONE;
  }
}

const NONE: ReadonlySet<Pull> = new Set();
