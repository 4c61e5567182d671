/**
 * What an `Authorization` header tells of the client's credentials, the header itself left out:
 * `anonymous_basic` is Basic with empty user and password (podman without credentials sends it),
 * `anonymous_bearer` a JWT without a subject, `opaque_bearer` a token that cannot be read.
 */
export type CredentialEvidence = "none" | "anonymous_basic" | "basic" | "anonymous_bearer" | "bearer" | "opaque_bearer";

/** What a pull proved itself with at best, from its requests' evidence. */
export type AuthKind = "none" | "bearer_anonymous" | "opaque" | "basic" | "bearer";

const AUTH_KIND: Readonly<Record<CredentialEvidence, AuthKind>> = {
  none: "none",
  anonymous_basic: "none",
  anonymous_bearer: "bearer_anonymous",
  opaque_bearer: "opaque",
  basic: "basic",
  bearer: "bearer",
};

/** What tells most of the client comes last. */
const BY_STRENGTH: readonly AuthKind[] = ["none", "bearer_anonymous", "opaque", "basic", "bearer"];

export function strongerAuth(kind: AuthKind, evidence: CredentialEvidence): AuthKind {
  const other = AUTH_KIND[evidence];
  return BY_STRENGTH.indexOf(other) > BY_STRENGTH.indexOf(kind) ? other : kind;
}

/** True if a pull with this evidence counts as `has_creds`. */
export function provesCredentials(evidence: CredentialEvidence): boolean {
  return evidence === "basic" || evidence === "bearer";
}

/** Reads the value of an `Authorization` header. Nothing is verified: this is evidence, not authentication. */
export function readCredentialEvidence(authorization: string | undefined): CredentialEvidence {
  const [, scheme = "", value = ""] = /^([A-Za-z]+) +(\S+) *$/.exec(authorization ?? "") ?? [];
  switch (scheme.toLowerCase()) {
    case "basic":
      return readBasic(value);
    case "bearer":
      return readBearer(value);
    default:
      return "none";
  }
}

// RFC 7617 §2: user-id ":" password
function readBasic(value: string): CredentialEvidence {
  const decoded = decodeBase64(value);
  return decoded === undefined || decoded === "" || decoded === ":" ? "anonymous_basic" : "basic";
}

// https://distribution.github.io/distribution/spec/auth/jwt/: `sub` is the authenticated user, empty for anonymous.
// Token services beyond it name the user in `account` or `act`.
function readBearer(token: string): CredentialEvidence {
  const payload = readJwtPayload(token);
  if (payload === undefined) return "opaque_bearer";
  const names = ["sub", "account", "act"] as const;
  return names.some((name) => isIdentity(payload[name])) ? "bearer" : "anonymous_bearer";
}

function isIdentity(claim: unknown): boolean {
  if (typeof claim === "string") return claim !== "" && claim !== "(anonymous)";
  return typeof claim === "object" && claim !== null && Object.keys(claim).length > 0;
}

// RFC 7519 §7.2: three base64url parts; the second is a JSON object.
function readJwtPayload(token: string): Record<string, unknown> | undefined {
  const parts = token.split(".");
  const decoded = parts.length === 3 ? decodeBase64(parts[1] ?? "") : undefined;
  if (decoded === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(decoded);
    return typeof json === "object" && json !== null && !Array.isArray(json) ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}

function decodeBase64(value: string): string | undefined {
  try {
    return atob(value.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return undefined;
  }
}
