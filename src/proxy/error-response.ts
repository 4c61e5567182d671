import { errorBody, statusOf, type ErrorCode } from "../oci/error-code.ts";
import type { Failure } from "../pull/outcome.ts";
import type { RefusalReason } from "../pull/transfer-event.ts";

/** A response that the proxy makes itself. */
export interface OwnResponse {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

/** What a client is told when the upstream gave no response. Never 404: clients would take that for an answer. */
const OF_FAILURE: Readonly<Record<Failure, { readonly status: number; readonly code: ErrorCode }>> = {
  refused: { status: 403, code: "DENIED" },
  dns: { status: 502, code: "UNAVAILABLE" },
  connect: { status: 502, code: "UNAVAILABLE" },
  tls: { status: 502, code: "UNAVAILABLE" },
  header_timeout: { status: 504, code: "UNAVAILABLE" },
  stalled: { status: 504, code: "UNAVAILABLE" },
  truncated: { status: 502, code: "UNAVAILABLE" },
  digest_mismatch: { status: 502, code: "UNAVAILABLE" },
  client_aborted: { status: 502, code: "UNAVAILABLE" },
  shutdown: { status: 503, code: "UNAVAILABLE" },
  proxy: { status: 502, code: "UNAVAILABLE" },
};

/** What a client is told when the proxy turns its request away. Where 400 stands, the code's own status would be 405. */
const OF_REFUSAL: Readonly<Record<RefusalReason, { readonly status: number; readonly code: ErrorCode }>> = {
  unknown_registry: { status: statusOf("DENIED"), code: "DENIED" },
  address: { status: statusOf("DENIED"), code: "DENIED" },
  method: { status: statusOf("UNSUPPORTED"), code: "UNSUPPORTED" },
  bad_name: { status: statusOf("NAME_INVALID"), code: "NAME_INVALID" },
  bad_digest: { status: statusOf("DIGEST_INVALID"), code: "DIGEST_INVALID" },
  bad_reference: { status: statusOf("MANIFEST_INVALID"), code: "MANIFEST_INVALID" },
  bad_path: { status: 400, code: "UNSUPPORTED" },
  bad_request: { status: 400, code: "UNSUPPORTED" },
  tls_on_plain_port: { status: 400, code: "UNSUPPORTED" },
  // RFC 6585 §5, RFC 9110 §15.5.9
  head_too_large: { status: 431, code: "UNSUPPORTED" },
  head_timeout: { status: 408, code: "UNSUPPORTED" },
  body_timeout: { status: 408, code: "UNSUPPORTED" },
  // These two are told to nobody: there is no connection on which a response could be read.
  plain_on_tls_port: { status: 400, code: "UNSUPPORTED" },
  tls_handshake: { status: 400, code: "UNSUPPORTED" },
  unauthenticated: { status: statusOf("UNAUTHORIZED"), code: "UNAUTHORIZED" },
  overloaded: { status: statusOf("UNAVAILABLE"), code: "UNAVAILABLE" },
  draining: { status: 503, code: "UNAVAILABLE" },
};

export function failureResponse(failure: Failure, message: string): OwnResponse {
  return ownResponse(OF_FAILURE[failure], message);
}

const HEADERS_OF_REFUSAL: Partial<Readonly<Record<RefusalReason, readonly string[]>>> = {
  // RFC 9110 §15.5.6: a 405 must say what is allowed; §10.2.1: that may be nothing.
  method: ["Allow", "GET, HEAD"],
  // 5 s: what most requests but those for large blobs take.
  overloaded: ["Retry-After", "5"],
};

export function refusalResponse(
  reason: RefusalReason,
  message: string,
  headers: readonly string[] = HEADERS_OF_REFUSAL[reason] ?? [],
): OwnResponse {
  const response = ownResponse(OF_REFUSAL[reason], message);
  return { ...response, headers: [...response.headers, ...headers] };
}

function ownResponse({ status, code }: { status: number; code: ErrorCode }, message: string): OwnResponse {
  const body = errorBody(code, `pullmeter: ${message}`);
  const headers = ["Content-Type", "application/json", "Content-Length", String(Buffer.byteLength(body))];
  return { status, headers, body };
}
