import type { Digest } from "../oci/digest.ts";
import type { Index, Manifest } from "../oci/manifest.ts";
import type { TrackerSettings } from "./settings.ts";
import { weigh } from "./weigh-manifest.ts";

type Limits = Pick<TrackerSettings, "maxManifests" | "maxManifestDescriptors">;

/** Manifests seen lately, by digest, least recently used first out. */
export class ManifestCache {
  readonly #entries = new Map<Digest, Index | Manifest>();
  readonly #settings: Limits;
  #descriptors = 0;

  /** What the manifests weigh together (see `weigh`) is bounded by `maxManifestDescriptors`. */
  constructor(settings: Limits) {
    this.#settings = settings;
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
    this.#delete(digest);
    this.#entries.set(digest, content);
    this.#descriptors += weigh(content);
    const { maxManifests, maxManifestDescriptors } = this.#settings;
    let hadRoom = true;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxManifests && this.#descriptors <= maxManifestDescriptors) break;
      this.#delete(oldest);
      hadRoom = false;
    }
    return hadRoom;
  }

  #delete(digest: Digest): void {
    const content = this.#entries.get(digest);
    if (content === undefined) return;
    this.#entries.delete(digest);
    this.#descriptors -= weigh(content);
  }
}
