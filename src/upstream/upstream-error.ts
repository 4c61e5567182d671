import type { Failure } from "../pull/outcome.ts";
import type { UpstreamExchanged } from "../pull/transfer-event.ts";

/**
 * An upstream could not be reached, or did not answer whole. `message` is told to the client and written to logs: it
 * names a host at most, never an address, a path or a header.
 */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly failure: Failure;

  constructor(failure: Failure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** What fails before there is a connection. */
export const NO_CONNECTION: ReadonlySet<Failure> = new Set(["dns", "connect", "tls"]);

/** Failures of this machine: without a descriptor, a port or memory no host can be reached, and none is to blame. */
const OF_THIS_MACHINE = new Set(["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS", "ENOMEM"]);

/** True if the host could not be reached, through no fault of this machine. */
export function couldNotConnect({ failure, cause }: UpstreamError): boolean {
  return NO_CONNECTION.has(failure) && !OF_THIS_MACHINE.has(codeOf(cause));
}

/** What is reported of a request to an upstream: its status, or why there is none. */
export function describeOutcome(outcome: number | UpstreamError): Pick<UpstreamExchanged, "outcome" | "detail"> {
  return typeof outcome === "number" ? { outcome } : { outcome: outcome.failure, detail: outcome.message };
}

/** What the errors of undici mean once a connection stands. Those of connecting are UpstreamErrors already. */
const FAILURE_OF_CODE: Readonly<Record<string, Failure>> = {
  UND_ERR_BODY_TIMEOUT: "stalled",
  UND_ERR_HEADERS_TIMEOUT: "header_timeout",
  // A request that undici refuses to write is our mistake, or a head that cannot be forwarded.
  UND_ERR_INVALID_ARG: "proxy",
  UND_ERR_NOT_SUPPORTED: "proxy",
  UND_ERR_DESTROYED: "proxy",
  UND_ERR_CLOSED: "proxy",
};

/** Turns whatever an exchange with `host` failed with into an UpstreamError. */
export function toUpstreamError(error: unknown, host: string): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const code = codeOf(error);
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) {
    return new UpstreamError("tls", `${host}: TLS failed (${code})`, { cause: error });
  }
  // What has no code comes from no socket: it is a mistake of ours. Only undici's parser leaves its codes out.
  const isOurs = code === "" && !(error instanceof Error && error.name === "HTTPParserError");
  const failure = isOurs ? "proxy" : (FAILURE_OF_CODE[code] ?? "truncated");
  return new UpstreamError(failure, `${host}: ${MESSAGE[failure]}`, { cause: error });
}

const MESSAGE: Readonly<Record<Failure, string>> = {
  refused: "refused",
  dns: "the name could not be resolved",
  connect: "the connection failed",
  tls: "TLS failed",
  header_timeout: "no response in time",
  stalled: "the response stalled",
  truncated: "the response ended early or could not be read",
  digest_mismatch: "the content does not match its digest",
  client_aborted: "the client went away",
  shutdown: "the proxy ended",
  proxy: "the request could not be sent",
};

/** The error of a connection that ended without one. */
export function closedByUpstream(): Error {
  return Object.assign(new Error("the upstream closed the connection"), { code: "ECONNRESET" });
}

export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
