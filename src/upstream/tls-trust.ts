import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

/** 200: about one session for each registry and content network of a busy node. */
const MAX_SESSIONS = 200;

/**
 * What TLS connections share: one context for each set of certificates (making one costs as much as a handshake), and
 * sessions to resume.
 */
export class TlsTrust {
  readonly #contexts = new Map<string, SecureContext>();
  readonly #sessions = new Map<string, Buffer>();

  /** `ca` is PEM, trusted beside the certificates that Node.js trusts. */
  context(ca: string | undefined): SecureContext {
    const key = ca ?? "";
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const made = createSecureContext(ca === undefined ? {} : { ca: [...getCACertificates("default"), ca] });
    this.#contexts.set(key, made);
    return made;
  }

  session(key: string): Buffer | undefined {
    return this.#sessions.get(key);
  }

  keepSession(key: string, session: Buffer): void {
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
  }
}
