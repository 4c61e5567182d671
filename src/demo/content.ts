import { createHash } from "node:crypto";
import { isDigest, type Digest } from "../oci/digest.ts";

/** Bytes with the name that their hash gives them. */
export interface Content {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Buffer;
}

export function toContent(mediaType: string, bytes: Buffer): Content {
  return { mediaType, digest: digestOf(bytes), bytes };
}

export function toJsonContent(mediaType: string, value: unknown): Content {
  return toContent(mediaType, Buffer.from(JSON.stringify(value)));
}

export function digestOf(bytes: Uint8Array): Digest {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  if (!isDigest(digest)) throw new Error("sha256 gave no digest");
  return digest;
}
