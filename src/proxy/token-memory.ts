import { createHash } from "node:crypto";
import type { CredentialEvidence } from "../pull/credentials.ts";

/** 10,000 tokens, about 150 bytes each: those of ten thousand pulls, most of which live for five minutes. */
const MAX_TOKENS = 10_000;

/** Remembers how tokens were got. Knows the tokens by their hashes only. */
export class TokenMemory {
  readonly #evidence = new Map<string, CredentialEvidence>();

  note(token: string, evidence: CredentialEvidence): void {
    const key = hash(token);
    this.#evidence.delete(key);
    this.#evidence.set(key, evidence);
    const [oldest] = this.#evidence.keys();
    if (this.#evidence.size > MAX_TOKENS && oldest !== undefined) this.#evidence.delete(oldest);
  }

  /** Undefined for a token that was not got here, or long ago. */
  recall(token: string): CredentialEvidence | undefined {
    const key = hash(token);
    const evidence = this.#evidence.get(key);
    if (evidence === undefined) return undefined;
    // The one that is in use is forgotten last.
    this.#evidence.delete(key);
    this.#evidence.set(key, evidence);
    return evidence;
  }
}

function hash(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}
