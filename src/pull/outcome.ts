/** What went wrong with one transfer, other than a status that the registry answered. */
export type Failure =
  | "refused"
  | "dns"
  | "connect"
  | "tls"
  | "header_timeout"
  | "stalled"
  | "truncated"
  | "digest_mismatch"
  | "client_aborted"
  /** This process ended before the transfer did. */
  | "shutdown"
  | "proxy";

/** Why a pull ended as it did: the last failure that was not made good. A closed set, used as a label value. */
export type Cause =
  | "none"
  | "not_found"
  | "unauthorized"
  | "denied"
  | "bad_request"
  | "rate_limited"
  | "upstream_5xx"
  | Failure;

export type Status = "ok" | "user_error" | "timeout" | "canceled" | "error";

const STATUS_OF_CAUSE: Readonly<Record<Cause, Status>> = {
  none: "ok",
  not_found: "user_error",
  unauthorized: "user_error",
  denied: "user_error",
  bad_request: "user_error",
  refused: "user_error",
  header_timeout: "timeout",
  stalled: "timeout",
  client_aborted: "canceled",
  rate_limited: "error",
  upstream_5xx: "error",
  dns: "error",
  connect: "error",
  tls: "error",
  truncated: "error",
  digest_mismatch: "error",
  shutdown: "error",
  proxy: "error",
};

export function statusOfCause(cause: Cause): Status {
  return STATUS_OF_CAUSE[cause];
}

/** The cause that goes with a final HTTP status of a registry; "none" below 400. */
export function causeOfStatus(status: number): Cause {
  if (status < 400) return "none";
  if (status === 401) return "unauthorized";
  if (status === 403) return "denied";
  if (status === 404 || status === 410) return "not_found";
  if (status === 429) return "rate_limited";
  return status >= 500 ? "upstream_5xx" : "bad_request";
}
