import type { Index, Manifest } from "../oci/manifest.ts";

/** A descriptor has about 150 characters; one with longer text, that of a hostile registry, counts as several. */
const DESCRIPTOR_CHARACTERS = 256;

/** How much memory a manifest takes, in descriptors (about 300 bytes each): those that it lists, and its own. */
export function weigh(content: Index | Manifest): number {
  const listed = content.kind === "index" ? content.manifests : [content.config, ...content.layers];
  let weight = 1;
  for (const { mediaType, digest } of listed) {
    weight += Math.ceil((mediaType.length + digest.length) / DESCRIPTOR_CHARACTERS);
  }
  return weight;
}
