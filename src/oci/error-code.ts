/**
 * Error codes of the distribution specification with the status that goes with each.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
 */
const STATUS = {
  BLOB_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNSUPPORTED: 405,
  /** Not in the specification: what registries answer when the failure is theirs. */
  UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

export function statusOf(code: ErrorCode): number {
  return STATUS[code];
}

/** The JSON error body that every client of a registry understands. */
export function errorBody(code: ErrorCode, message: string): string {
  return JSON.stringify({ errors: [{ code, message }] });
}
