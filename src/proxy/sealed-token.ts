import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** Marks tokens that this proxy made. */
const PREFIX = "pullmeter.";

const ALGORITHM = "aes-256-gcm";
/** 256 bits for the algorithm; each process has its own, so that nothing sealed outlives it. */
const KEY_BYTES = 32;
// NIST SP 800-38D §5.2.1.1 and §5.2.1.2: 96 bits, and the full length of the tag.
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Tokens for registries that give none: a client of a shared listener asks for one before it is known whether its
 * registry wants it. They hold the client's own `Authorization` for that registry, encrypted, so that the proxy keeps
 * no credentials.
 */
export class TokenSealer {
  readonly #key = randomBytes(KEY_BYTES);

  /** `authorization` is the header's value, empty for none. */
  seal(registry: string, authorization: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce).setAAD(Buffer.from(registry));
    const sealed = Buffer.concat([nonce, cipher.update(authorization, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `${PREFIX}${sealed.toString("base64url")}`;
  }

  /** The `Authorization` inside; empty if there is none, or it is for another registry or of another process. */
  open(registry: string, token: string): string {
    const sealed = Buffer.from(token.slice(PREFIX.length), "base64url");
    if (sealed.length < NONCE_BYTES + TAG_BYTES) return "";
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce)
      .setAAD(Buffer.from(registry))
      .setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      const text = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString("utf8");
    } catch {
      return "";
    }
  }

  isSealed(token: string): boolean {
    return token.startsWith(PREFIX);
  }
}
