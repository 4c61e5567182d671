import type { Digest } from "../oci/digest.ts";
import type { Index, Manifest } from "../oci/manifest.ts";

/** Manifests seen lately, by digest, least recently used first out. */
export class ManifestCache {
  readonly #entries = new Map<Digest, Index | Manifest>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(digest: Digest): Index | Manifest | undefined {
    const content = this.#entries.get(digest);
    if (content === undefined) return undefined;
    this.#entries.delete(digest);
    this.#entries.set(digest, content);
    return content;
  }

  /** Returns false if another manifest had to go. */
  set(digest: Digest, content: Index | Manifest): boolean {
    this.#entries.delete(digest);
    this.#entries.set(digest, content);
    if (this.#entries.size <= this.#max) return true;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
    return false;
  }
}
