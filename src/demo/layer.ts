import { createCipheriv, createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Digest } from "../oci/digest.ts";
import { digestOf, toContent, type Content } from "./content.ts";

export interface Layer extends Content {
  /** Digest of the uncompressed tar, as the image config lists it. */
  readonly diffId: Digest;
}

/** A layer with one file of `sizeBytes`; the same name and size always give the same bytes. */
export function buildLayer(name: string, sizeBytes: number): Layer {
  const tar = buildTar(`demo/${name}.bin`, pseudoRandomBytes(name, sizeBytes));
  // Level 0: random bytes do not compress, and stored blocks are the same with every zlib.
  const blob = toContent("application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(tar, { level: 0 }));
  return { ...blob, diffId: digestOf(tar) };
}

/** A key stream of AES-CTR: fast, and a pure function of `seed`. */
function pseudoRandomBytes(seed: string, sizeBytes: number): Buffer {
  const key = createHash("sha256").update(seed).digest().subarray(0, 16);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

// POSIX.1-1988 ustar: blocks of 512 bytes; a header, the file padded to whole blocks, two empty blocks at the end.
const BLOCK_BYTES = 512;

function buildTar(path: string, file: Buffer): Buffer {
  const padding = Buffer.alloc((BLOCK_BYTES - (file.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return Buffer.concat([buildTarHeader(path, file.length), file, padding, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function buildTarHeader(path: string, sizeBytes: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(path, 0, 100);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(sizeBytes, 12), 124);
  header.write(octal(0, 12), 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\u000000", 257);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, "0")}\u0000 `, 148);
  return header;
}

/** A number field of `width` bytes: octal digits and a NUL. */
function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\u0000`;
}
