import { createHmac, randomBytes } from "node:crypto";

/** Who may pull what: every repository is public but those listed, which only the named users may pull. */
export interface Accounts {
  /** User name to password. */
  readonly users: Readonly<Record<string, string>>;
  /** Repository to the users who may pull it. Default: all are public. */
  readonly privateRepositories?: Readonly<Record<string, readonly string[]>>;
}

/** 5 minutes, in seconds: what Docker Hub gives. */
const TOKEN_LIFETIME_SECONDS = 300;

/**
 * Issues and checks bearer tokens (JWT, HS256) as https://distribution.github.io/distribution/spec/auth/token/ says:
 * whoever asks without credentials gets a token without subject.
 */
export class TokenService {
  readonly #accounts: Accounts;
  readonly #service: string;
  readonly #key = randomBytes(32);

  constructor(accounts: Accounts, service: string) {
    this.#accounts = accounts;
    this.#service = service;
  }

  /** Answers `GET /token?service=…&scope=repository:NAME:pull`. Undefined: the credentials are wrong. */
  issue(query: URLSearchParams, authorization: string | undefined): string | undefined {
    const user = readUser(this.#accounts, authorization);
    if (user === undefined) return undefined;
    const issuedAt = Math.floor(Date.now() / 1000);
    const token = this.#sign({
      iss: "pullmeter-demo",
      aud: this.#service,
      sub: user,
      iat: issuedAt,
      exp: issuedAt + TOKEN_LIFETIME_SECONDS,
      access: query
        .getAll("scope")
        .flatMap((scope) => scope.split(" "))
        .map(readRepository)
        .filter((repository) => repository !== "" && mayPull(this.#accounts, user, repository))
        .map((name) => ({ type: "repository", name, actions: ["pull"] })),
    });
    return JSON.stringify({ token, expires_in: TOKEN_LIFETIME_SECONDS });
  }

  /** True if `authorization` holds a token of this service that is good for `repository` (absent: for the ping). */
  accepts(authorization: string | undefined, repository: string | undefined): boolean {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
    const [header, payload, signature] = token.split(".");
    if (header === undefined || payload === undefined || signature !== this.#signature(`${header}.${payload}`)) {
      return false;
    }
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    return isClaims(claims) && claims.exp * 1000 > Date.now() && grants(claims, repository);
  }

  #sign(claims: unknown): string {
    const parts = [{ alg: "HS256", typ: "JWT" }, claims].map((part) => base64url(JSON.stringify(part))).join(".");
    return `${parts}.${this.#signature(parts)}`;
  }

  #signature(parts: string): string {
    return createHmac("sha256", this.#key).update(parts).digest("base64url");
  }
}

/** The user that `Basic` credentials prove, "" without credentials; undefined if they are wrong. */
export function readUser(accounts: Accounts, authorization: string | undefined): string | undefined {
  const encoded = /^Basic +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return "";
  const [, user = "", password = ""] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString()) ?? [];
  if (user === "" && password === "") return "";
  return Object.hasOwn(accounts.users, user) && accounts.users[user] === password ? user : undefined;
}

export function mayPull(accounts: Accounts, user: string, repository: string): boolean {
  const allowed = accounts.privateRepositories?.[repository];
  return allowed === undefined || allowed.includes(user);
}

interface Claims {
  readonly exp: number;
  readonly access: readonly { readonly name: string }[];
}

function isClaims(value: unknown): value is Claims {
  if (typeof value !== "object" || value === null || !("exp" in value) || !("access" in value)) return false;
  return typeof value.exp === "number" && Array.isArray(value.access);
}

function grants(claims: Claims, repository: string | undefined): boolean {
  return repository === undefined || claims.access.some((entry) => entry.name === repository);
}

/** Name in a scope `repository:NAME:ACTIONS`; "" if it is about something else. */
function readRepository(scope: string): string {
  return /^repository:([^:]+):(?:.*,)?pull(?:,|$)/.exec(scope)?.[1] ?? "";
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
