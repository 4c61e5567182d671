// https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md
// https://distribution.github.io/distribution/spec/manifest-v2-2/ (Docker image manifest version 2, schema 2)

const INDEX = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);

const MANIFEST = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);

const IMAGE_CONFIG = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);

export function isIndexMediaType(mediaType: string): boolean {
  return INDEX.has(mediaType);
}

export function isManifestMediaType(mediaType: string): boolean {
  return MANIFEST.has(mediaType);
}

export function isImageConfigMediaType(mediaType: string): boolean {
  return IMAGE_CONFIG.has(mediaType);
}
