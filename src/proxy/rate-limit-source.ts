import { createHmac, randomBytes } from "node:crypto";

/** 16 random bytes for each process: a table of all addresses, of which there are only 2^32, is of no use. */
const SALT = randomBytes(16);

/** 8 hex digits: enough to see that two pulls were counted together, or no longer are. */
const FINGERPRINT_LENGTH = 8;

/** Stands for whom a registry counts (an address, or a user's id) without telling it. */
export function fingerprintSource(source: string): string {
  return createHmac("sha256", SALT).update(source).digest("hex").slice(0, FINGERPRINT_LENGTH);
}
