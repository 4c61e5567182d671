// Small real images, made in memory: a layer is a gzipped tar with one file of pseudo-random bytes, so every client can unpack it.
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly bytes: Buffer;
}

export interface Layer extends Blob {
  /** Digest of the tar inside. */
  readonly diffId: string;
}

export interface Image {
  readonly kind: "image";
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly Layer[];
}

export interface Index {
  readonly kind: "index";
  readonly manifest: Blob;
  readonly images: readonly Image[];
}

const MEDIA_TYPE = {
  config: "application/vnd.oci.image.config.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  manifest: "application/vnd.oci.image.manifest.v1+json",
} as const;

let layerCount = 0;

/** A layer with one file of `bytes` bytes. The same seed and size give the same layer; without a seed each layer is new. */
export function buildLayer(options: { bytes: number; seed?: string }): Layer {
  const seed = options.seed ?? `layer ${process.pid} ${(layerCount += 1)}`;
  const name = `file-${sha256(Buffer.from(seed)).slice(7, 19)}`;
  const tar = Buffer.concat([tarHeader(name, options.bytes), noise(seed, options.bytes), tarPadding(options.bytes)]);
  // Stored, not deflated: noise does not shrink, and hundreds of images are made in one run.
  return { ...blob(MEDIA_TYPE.layer, gzipSync(tar, { level: 0 })), diffId: sha256(tar) };
}

export function buildImage(options: { layers: readonly Layer[]; architecture?: string; label?: string }): Image {
  const { layers, architecture = "amd64", label = "" } = options;
  const config = json(MEDIA_TYPE.config, {
    created: "2026-01-01T00:00:00Z",
    architecture,
    os: "linux",
    config: { Cmd: ["/true"], Labels: { label } },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: "2026-01-01T00:00:00Z", created_by: "test" })),
  });
  const manifest = json(MEDIA_TYPE.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: descriptor(config),
    layers: layers.map(descriptor),
  });
  return { kind: "image", manifest, config, layers };
}

/** One image for each architecture. */
export function buildIndex(images: Readonly<Record<string, Image>>): Index {
  const manifests = Object.entries(images).map(([architecture, image]) => ({
    ...descriptor(image.manifest),
    platform: { architecture, os: "linux" },
  }));
  const manifest = json(MEDIA_TYPE.index, { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests });
  return { kind: "index", manifest, images: Object.values(images) };
}

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function blob(mediaType: string, bytes: Buffer): Blob {
  return { mediaType, digest: sha256(bytes), size: bytes.length, bytes };
}

function json(mediaType: string, value: unknown): Blob {
  return blob(mediaType, Buffer.from(JSON.stringify(value)));
}

function descriptor({ mediaType, digest, size }: Blob): Pick<Blob, "mediaType" | "digest" | "size"> {
  return { mediaType, digest, size };
}

/** Bytes that depend on the seed alone and look random. */
function noise(seed: string, bytes: number): Buffer {
  return createHash("shake256", { outputLength: Math.max(bytes, 1) })
    .update(seed)
    .digest()
    .subarray(0, bytes);
}

/** https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html, "ustar Interchange Format". */
function tarHeader(name: string, bytes: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108); // uid
  header.write(octal(0, 8), 116); // gid
  header.write(octal(bytes, 12), 124);
  header.write(octal(0, 12), 136); // modification time
  header.write("        ", 148); // checksum, spaces while it is computed
  header.write("0", 156); // regular file
  header.write("ustar\x0000", 257);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, "0")}\0`;
}

/** The file's last block, and two empty blocks that end the archive. */
function tarPadding(bytes: number): Buffer {
  return Buffer.alloc(((512 - (bytes % 512)) % 512) + 1024);
}
