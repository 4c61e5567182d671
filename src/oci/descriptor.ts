import { isDigest, type Digest } from "./digest.ts";

/** What a manifest says of one piece of content. `size` is in bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/**
 * Reads one descriptor of a manifest. Returns undefined if a required property is missing or malformed.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#properties
 */
export function parseDescriptor(value: unknown): Descriptor | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const mediaType = "mediaType" in value ? value.mediaType : undefined;
  const digest = "digest" in value ? value.digest : undefined;
  const size = "size" in value ? value.size : undefined;
  if (typeof mediaType !== "string" || typeof digest !== "string" || typeof size !== "number") return undefined;
  if (!isDigest(digest) || !Number.isSafeInteger(size) || size < 0) return undefined;
  return { mediaType, digest, size };
}
