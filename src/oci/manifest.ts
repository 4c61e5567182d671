import { parseDescriptor, type Descriptor } from "./descriptor.ts";
import { isIndexMediaType, isManifestMediaType } from "./media-type.ts";

/** A list of manifests, one per platform (OCI image index or Docker manifest list). */
export interface Index {
  readonly kind: "index";
  readonly manifests: readonly Descriptor[];
}

/** An image manifest: one config and its layers. */
export interface Manifest {
  readonly kind: "manifest";
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** 4 MiB: the size of manifest that registries must accept at least; larger ones pass through unread. */
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * Reads a manifest or index from its JSON text. Returns undefined if it is neither, or malformed.
 * The kind is told by `mediaType`, where present, else by the properties (`mediaType` is optional in OCI 1.0).
 */
export function parseManifest(text: string): Index | Manifest | undefined {
  const json = parseJson(text);
  if (typeof json !== "object" || json === null) return undefined;
  const mediaType = "mediaType" in json && typeof json.mediaType === "string" ? json.mediaType : "";
  if ("manifests" in json && !isManifestMediaType(mediaType)) {
    const manifests = parseDescriptors(json.manifests);
    return manifests && { kind: "index", manifests };
  }
  if ("config" in json && "layers" in json && !isIndexMediaType(mediaType)) {
    const config = parseDescriptor(json.config);
    const layers = parseDescriptors(json.layers);
    return config && layers && { kind: "manifest", config, layers };
  }
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseDescriptors(value: unknown): readonly Descriptor[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const descriptors = value.map(parseDescriptor).filter((descriptor) => descriptor !== undefined);
  return descriptors.length === value.length ? descriptors : undefined;
}
