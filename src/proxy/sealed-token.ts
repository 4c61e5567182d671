import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** Marks tokens that this proxy made. */
const PREFIX = "pullmeter.";

const ALGORITHM = "aes-256-gcm";
/** 256 bits for the algorithm; each process has its own, so that nothing sealed outlives it. */
const KEY_BYTES = 32;
// NIST SP 800-38D §5.2.1.1 and §5.2.1.2: 96 bits, and the full length of the tag.
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Milliseconds since the epoch, before the credentials. */
const EXPIRY_BYTES = 8;

/** 300 s, as token services do: https://distribution.github.io/distribution/spec/auth/token/#token-response-fields */
export const SEALED_TOKEN_SECONDS = 300;

/** 60 s beyond what the client was told: clocks differ, and a request may wait for others. */
const GRACE_MS = 60_000;

/**
 * Tokens for registries that give none: a client of a shared listener asks for one before it is known whether its
 * registry wants it. They hold the client's own `Authorization` for that registry, encrypted, so that the proxy keeps
 * no credentials.
 */
export class TokenSealer {
  readonly #key = randomBytes(KEY_BYTES);
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `authorization` is the header's value, empty for none. */
  seal(registry: string, authorization: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce).setAAD(Buffer.from(registry));
    const expiry = Buffer.alloc(EXPIRY_BYTES);
    expiry.writeDoubleBE(this.#now() + SEALED_TOKEN_SECONDS * 1_000 + GRACE_MS);
    const content = Buffer.concat([expiry, Buffer.from(authorization, "utf8")]);
    const sealed = Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
    return `${PREFIX}${sealed.toString("base64url")}`;
  }

  /** The `Authorization` inside; empty if there is none, or it is too old, for another registry or of another process. */
  open(registry: string, token: string): string {
    const sealed = Buffer.from(token.slice(PREFIX.length), "base64url");
    if (sealed.length < NONCE_BYTES + TAG_BYTES) return "";
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce)
      .setAAD(Buffer.from(registry))
      .setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      const head = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
      const content = Buffer.concat([head, decipher.final()]);
      return content.readDoubleBE() < this.#now() ? "" : content.subarray(EXPIRY_BYTES).toString("utf8");
    } catch {
      return "";
    }
  }

  isSealed(token: string): boolean {
    return token.startsWith(PREFIX);
  }
}
