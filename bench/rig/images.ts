import { createHash, randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, renameSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

export const MIB = 1024 * 1024;
export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

export interface BlobFile {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** One image on the upstream: its manifest is at the tag `v1` and at its digest. */
export interface ImageFiles {
  readonly repository: string;
  readonly manifest: BlobFile;
  readonly blobs: readonly BlobFile[];
}

/** Writes an image below `root` under the paths of its URLs, so that any file server is a registry for it. */
export function writeImage(
  root: string,
  repository: string,
  { layers, manifestBytes }: { readonly layers: readonly number[]; readonly manifestBytes: number },
): ImageFiles {
  const blobs = layers.map((sizeBytes) => writeBlob(root, repository, sizeBytes));
  const body = manifestOf(blobs, manifestBytes);
  const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
  for (const reference of ["v1", digest]) writeFileAt(join(root, "v2", repository, "manifests", reference), body);
  return { repository, manifest: { digest, sizeBytes: body.length }, blobs };
}

/** Random bytes, so that nothing on the way can compress them; 8 MiB of them over and over, so that they are made quickly. */
function writeBlob(root: string, repository: string, sizeBytes: number): BlobFile {
  const chunk = randomBytes(Math.min(8 * MIB, sizeBytes));
  const hash = createHash("sha256");
  const draft = join(root, "draft");
  const file = openSync(draft, "w");
  for (let written = 0; written < sizeBytes; written += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, sizeBytes - written));
    hash.update(part);
    writeSync(file, part);
  }
  closeSync(file);
  const digest = `sha256:${hash.digest("hex")}`;
  moveTo(draft, join(root, "v2", repository, "blobs", digest));
  return { digest, sizeBytes };
}

/** As long as asked for: annotations fill it up. */
function manifestOf(blobs: readonly BlobFile[], bytes: number): Buffer {
  const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
  const [first = { digest: `sha256:${"0".repeat(64)}`, sizeBytes: 0 }] = blobs;
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: first.digest,
      size: first.sizeBytes,
    },
    layers: blobs.map(({ digest, sizeBytes }) => ({ mediaType: layerType, digest, size: sizeBytes })),
    annotations: { filling: "" },
  };
  manifest.annotations.filling = "x".repeat(Math.max(0, bytes - JSON.stringify(manifest).length));
  return Buffer.from(JSON.stringify(manifest));
}

function writeFileAt(path: string, body: Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, body);
}

function moveTo(from: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  renameSync(from, path);
}

/** The same image under another name: its manifests are there, its blobs are for the upstream to answer. */
export function aliasImage(root: string, image: ImageFiles, repository: string): ImageFiles {
  const folder = join(root, "v2", repository);
  mkdirSync(folder, { recursive: true });
  symlinkSync(join(root, "v2", image.repository, "manifests"), join(folder, "manifests"));
  return { ...image, repository };
}
