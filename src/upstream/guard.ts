import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "./address.ts";
import { UpstreamError } from "./upstream-error.ts";

/**
 * The look-up for every outbound connection: answers of `lookup` that are not public are taken away, and nothing left
 * is a refusal. It judges the addresses that are then dialled, so a name that resolves differently a moment later
 * (DNS rebinding) gains nothing.
 */
export function guardLookup(lookup: LookupFunction, allowPrivate: boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, answer) => {
      if (error !== null) {
        callback(new UpstreamError("dns", `${hostname}: the name could not be resolved`, { cause: error }), "");
        return;
      }
      const addresses = typeof answer === "string" ? [{ address: answer, family: isIP(answer) }] : answer;
      const allowed = addresses.filter(({ address }) => allowPrivate || isPublicAddress(address));
      const [first] = allowed;
      if (first === undefined) callback(refusal(hostname), "");
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

/** Refuses IP literals, for which nothing is looked up, and names that are local wherever they are resolved. */
export function checkHost(hostname: string, allowPrivate: boolean): UpstreamError | undefined {
  if (allowPrivate) return undefined;
  const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  if (isIP(host) !== 0) return isPublicAddress(host) ? undefined : refusal(hostname);
  return LOCALHOST.test(host) ? refusal(hostname) : undefined;
}

// RFC 6761 §6.3
const LOCALHOST = /(?:^|\.)localhost\.?$/i;

function refusal(hostname: string): UpstreamError {
  return new UpstreamError(
    "refused",
    `${hostname} has no public address; allow it with allowPrivateAddresses of its registry, ` +
      "or for redirects with privateRedirectHosts",
  );
}
