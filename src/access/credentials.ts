import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { isPassword, memoryBytes, type PasswordHash } from "./password-hash.ts";

/** A line of a `basicFile`. */
export interface BasicUser {
  readonly name: string;
  readonly password: PasswordHash;
}

/** What is compared: neither a password nor a token can be read back from it. */
export interface StoredCredentials {
  readonly users: readonly BasicUser[];
  readonly tokenHashes: readonly Uint8Array[];
}

/** Whether somebody is who may use a listener; `busy`: too many ask at once for that to be found out. */
export type Recognition = "known" | "unknown" | "busy";

/** 32 passwords wait at most, at 40 ms each: longer than a second nobody should. */
const MAX_WAITING = 32;

/** 1,000 headers: users and ways to write them, or passwords for registries; beyond it they are checked anew. */
const MAX_REMEMBERED = 1_000;

/** RFC 9110 §11.4 */
const AUTHORIZATION = /^(basic|bearer) +(\S+) *$/i;

/**
 * Who may use a listener. What is compared are hashes of one length, and somebody unknown costs as much as somebody
 * with a wrong password. Passwords are checked one at a time, so that strangers cannot take the threads that names are
 * resolved on; what came of each is remembered. Strangers cannot make the right ones be forgotten: who was known once
 * never waits behind them again.
 */
export class Credentials {
  readonly #users: ReadonlyMap<string, PasswordHash>;
  readonly #costliest: PasswordHash | undefined;
  #tokens: readonly Uint8Array[];
  /** Of this object alone: what is remembered cannot be compared with anything. */
  readonly #key = randomBytes(32);
  readonly #right = new Set<string>();
  readonly #wrong = new Set<string>();
  #waiting = 0;
  #lastCheck: Promise<unknown> = Promise.resolve();

  constructor(users: readonly BasicUser[], tokens: readonly string[]) {
    this.#users = new Map(users.map(({ name, password }) => [name, password]));
    this.#costliest = users
      .map(({ password }) => password)
      .toSorted((one, other) => memoryBytes(other) - memoryBytes(one))[0];
    this.#tokens = tokens.map(sha256);
  }

  /** The same in another process. */
  static restore({ users, tokenHashes }: StoredCredentials): Credentials {
    const credentials = new Credentials(users, []);
    credentials.#tokens = tokenHashes;
    return credentials;
  }

  get stored(): StoredCredentials {
    return { users: [...this.#users].map(([name, password]) => ({ name, password })), tokenHashes: this.#tokens };
  }

  /** Values of `WWW-Authenticate`. */
  get challenges(): readonly string[] {
    return [
      ...(this.#users.size > 0 ? ['Basic realm="pullmeter", charset="UTF-8"'] : []),
      ...(this.#tokens.length > 0 ? ['Bearer realm="pullmeter"'] : []),
    ];
  }

  /** Judges the value of an `Authorization` or `Proxy-Authorization` header. Never rejects. */
  async recognize(authorization: string | undefined): Promise<Recognition> {
    const [, scheme = "", value = ""] = AUTHORIZATION.exec(authorization ?? "") ?? [];
    if (scheme.toLowerCase() === "bearer") return this.#isToken(value) ? "known" : "unknown";
    return scheme === "" ? "unknown" : this.#recognizeBasic(value);
  }

  #isToken(token: string): boolean {
    const given = sha256(token);
    // Not `some`: that would stop at the first.
    return this.#tokens.filter((expected) => timingSafeEqual(given, expected)).length > 0;
  }

  async #recognizeBasic(value: string): Promise<Recognition> {
    if (this.#costliest === undefined) return "unknown";
    const key = createHmac("sha256", this.#key).update(value).digest("base64");
    if (this.#right.has(key)) return "known";
    if (this.#wrong.has(key)) return "unknown";
    if (this.#waiting >= MAX_WAITING) return "busy";
    this.#waiting += 1;
    const check = this.#lastCheck.then(() => this.#isUser(value, this.#costliest));
    this.#lastCheck = check.catch(() => undefined);
    const isKnown = await check.catch(() => false);
    this.#waiting -= 1;
    remember(key, isKnown ? this.#right : this.#wrong);
    return isKnown ? "known" : "unknown";
  }

  async #isUser(value: string, costliest: PasswordHash | undefined): Promise<boolean> {
    // RFC 7617 §2: user-id ":" password
    const [, name = "", password = ""] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, "base64").toString("utf8")) ?? [];
    const expected = this.#users.get(name);
    const compared = expected ?? costliest;
    return compared !== undefined && (await isPassword(password, compared)) && expected !== undefined;
  }
}

function remember(key: string, those: Set<string>): void {
  if (those.size >= MAX_REMEMBERED) those.clear();
  those.add(key);
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
