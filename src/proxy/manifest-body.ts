import { hash } from "node:crypto";
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { isDigest } from "../oci/digest.ts";
import { MAX_MANIFEST_BYTES, parseManifest } from "../oci/manifest.ts";
import type { TransferFinished } from "../pull/transfer-event.ts";

/** A copy of a manifest that streams by, because its memory is used again; given up when it grows beyond what registries must accept. */
export class ManifestCopy {
  #chunks: Buffer[] = [];
  #bytes = 0;

  add(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_MANIFEST_BYTES) this.#chunks = [];
    else this.#chunks.push(Buffer.from(chunk));
  }

  /** Undefined if it was too large. */
  get whole(): Buffer | undefined {
    return this.#bytes > MAX_MANIFEST_BYTES ? undefined : Buffer.concat(this.#chunks);
  }
}

type ReadManifest = NonNullable<TransferFinished["manifest"]>;

/**
 * What the bytes of a manifest say; undefined if their coding cannot be undone. `claimed` is the digest that they should
 * have: it tells where to look among those that were read lately, no more.
 */
export function readManifest(bytes: Buffer, claimed: string, contentEncoding?: string): ReadManifest | undefined {
  const body = decodeBody(bytes, contentEncoding);
  if (body === undefined) return undefined;
  const before = known.get(claimed);
  if (before?.body.equals(body) === true) return before.manifest;
  const digest = `sha256:${hash("sha256", body)}`;
  const same = known.get(digest);
  if (same !== undefined) return same.manifest;
  if (!isDigest(digest)) return undefined;
  const content = parseManifest(body.toString("utf8"));
  const manifest = { digest, ...(content !== undefined && { content }) };
  if (body.length <= MAX_KNOWN_BYTES) remember(manifest, body);
  return manifest;
}

/** 64 manifests of at most 64 KiB, 4 MiB at most: what a node's clients ask for again and again. */
const MAX_KNOWN = 64;
const MAX_KNOWN_BYTES = 64 * 1024;
const known = new Map<string, { readonly manifest: ReadManifest; readonly body: Buffer }>();

/** The oldest of those that are known goes first. */
function remember(manifest: ReadManifest, body: Buffer): void {
  // In memory of its own: small buffers are parts of larger ones, which would be kept with them.
  const copy = Buffer.allocUnsafeSlow(body.length);
  copy.set(body);
  known.set(manifest.digest, { manifest, body: copy });
  const [oldest] = known.keys();
  if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
}

// RFC 9110 §8.4.1, RFC 8878 §7.2. A bomb ends at the bound of the manifest itself.
const BOUND = { maxOutputLength: MAX_MANIFEST_BYTES };
const DECODERS = new Map<string, (body: Buffer) => Buffer>([
  ["identity", (body) => body],
  ["gzip", (body) => gunzipSync(body, BOUND)],
  ["x-gzip", (body) => gunzipSync(body, BOUND)],
  ["deflate", (body) => inflateSync(body, BOUND)],
  ["br", (body) => brotliDecompressSync(body, BOUND)],
  ["zstd", (body) => zstdDecompressSync(body, BOUND)],
]);

/** Undoes a content coding; undefined if that cannot be done. */
export function decodeBody(body: Buffer, contentEncoding = "identity"): Buffer | undefined {
  try {
    return DECODERS.get(contentEncoding.trim().toLowerCase())?.(body);
  } catch {
    return undefined;
  }
}
