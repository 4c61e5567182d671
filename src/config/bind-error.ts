import { formatAddress, type Address } from "./address.ts";
import type { Config } from "./config.ts";

/** Finds the listener that an error is about: the system tells the port, or the host that it could not resolve. */
export function toBindError(error: unknown, config: Config): Error {
  const port = error instanceof Error && "port" in error ? error.port : undefined;
  const hostname = error instanceof Error && "hostname" in error ? error.hostname : undefined;
  const host = error instanceof Error && "address" in error ? error.address : undefined;
  const candidates = [...config.listeners.entries()].filter(
    ([, { address }]) => address.port === port || address.host === hostname,
  );
  const found = candidates.find(([, { address }]) => address.host === host) ?? candidates[0];
  return found === undefined
    ? new Error("cannot listen", { cause: error })
    : bindError({ key: `listeners[${found[0]}].address`, flag: "--listener" }, found[1].address, error);
}

const BIND_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: "somebody listens there already",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "this user may not listen on this port",
  ENOTFOUND: "no such host",
};

/** A message for the operator: which setting, which address, why, and what gives another. */
export function bindError(
  { key, flag }: { readonly key: string; readonly flag: string },
  address: Address,
  cause: unknown,
): Error {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const reason = BIND_FAILURES[code] ?? "failed";
  const message = `${key}: cannot listen on ${formatAddress(address)}: ${reason} (${code}); ${flag} gives another`;
  return new Error(message, { cause });
}
