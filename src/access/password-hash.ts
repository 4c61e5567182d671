import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/**
 * A password that cannot be read back: scrypt (RFC 7914), written as PHC strings are, so that other tools can make it
 * too: `$scrypt$ln=14,r=8,p=1$SALT$HASH`, base64 without padding.
 * https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
 */
export interface PasswordHash {
  readonly costLog2: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** 64 MiB: what the usual ln=16,r=8 needs. A line must not be able to ask for all memory. */
const MAX_MEMORY_BYTES = 64 * 1_048_576;

/** Undefined if the text is none, or costs more than it may. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt = "", hash = ""] = PHC.exec(text) ?? [];
  const [costLog2, blockSize, parallelization] = [Number(ln), Number(r), Number(p)];
  const isAffordable = memoryBytes({ costLog2, blockSize }) <= MAX_MEMORY_BYTES;
  if (!isAffordable || costLog2 < 1 || blockSize < 1 || parallelization < 1) return undefined;
  const [saltBytes, hashBytes] = [Buffer.from(salt, "base64"), Buffer.from(hash, "base64")];
  return { costLog2, blockSize, parallelization, salt: saltBytes, hash: hashBytes };
}

/** ln=14: about 40 ms and 16 MiB, which a proxy can spend on a stranger, and somebody who stole the file cannot a billion times. */
const NEW = { costLog2: 14, blockSize: 8, parallelization: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** The hash of a new password, as it is written in the file. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, { ...NEW, salt, hash: Buffer.alloc(HASH_BYTES) });
  return `$scrypt$ln=${NEW.costLog2},r=${NEW.blockSize},p=${NEW.parallelization}$${toBase64(salt)}$${toBase64(hash)}`;
}

export async function isPassword(password: string, expected: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, expected), expected.hash);
}

/** Memory and time grow with it. */
export function memoryBytes({ costLog2, blockSize }: Pick<PasswordHash, "costLog2" | "blockSize">): number {
  return 128 * 2 ** costLog2 * blockSize;
}

function derive(password: string, { costLog2, blockSize, parallelization, salt, hash }: PasswordHash): Promise<Buffer> {
  // Node.js refuses what needs its limit exactly.
  const options = { N: 2 ** costLog2, r: blockSize, p: parallelization, maxmem: 2 * MAX_MEMORY_BYTES };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function toBase64(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
