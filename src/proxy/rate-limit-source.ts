import { createHmac, randomBytes } from "node:crypto";

/** 16 random bytes for each run of the program: a table of all addresses, of which there are only 2^32, is of no use. */
let salt: Uint8Array = randomBytes(16);

export function currentSalt(): Uint8Array {
  return salt;
}

/** Takes that of another process, so that the fingerprints of both can be compared. */
export function shareSalt(given: Uint8Array): void {
  salt = given;
}

/** 8 hex digits: enough to see that two pulls were counted together, or no longer are. */
const FINGERPRINT_LENGTH = 8;

/** Stands for whom a registry counts (an address, or a user's id) without telling it. */
export function fingerprintSource(source: string): string {
  return createHmac("sha256", salt).update(source).digest("hex").slice(0, FINGERPRINT_LENGTH);
}
