import type { Credentials } from "../access/credentials.ts";
import { HeaderNames, headerValue, withoutHeaders } from "../upstream/raw-headers.ts";
import type { RequestHead } from "./plain-request.ts";
import type { Refusal } from "./refusal.ts";

/**
 * Why a client may not use a listener that has `auth`; undefined if it may. `Authorization` is the registry's, so
 * credentials for the proxy belong in `Proxy-Authorization` (RFC 9110 §11.7.2), which ends at this hop. Clients that
 * cannot send that may send them as `Authorization`. What this listener knows is taken off the request whoever else was
 * known: no registry shall have it.
 */
export async function findStranger(request: RequestHead, credentials: Credentials): Promise<Refusal | undefined> {
  const byProxyHeader = await credentials.recognize(headerValue(request.rawHeaders, "proxy-authorization"));
  const byHeader = await credentials.recognize(headerValue(request.rawHeaders, "authorization"));
  if (byHeader === "known") {
    request.rawHeaders = withoutHeaders(request.rawHeaders, AUTHORIZATION);
    return undefined;
  }
  if (byProxyHeader === "busy" || byHeader === "busy") return { reason: "overloaded", message: TOO_MANY_STRANGERS };
  if (byProxyHeader === "known") return undefined;
  const challenges = credentials.challenges.flatMap((challenge) => ["WWW-Authenticate", challenge]);
  return { reason: "unauthenticated", message: UNAUTHENTICATED, headers: [...challenges, ...REGISTRY_VERSION] };
}

const TOO_MANY_STRANGERS = "too many passwords wait to be checked";
const UNAUTHENTICATED = "this listener wants its own credentials, in Proxy-Authorization or Authorization";

/** By it older clients know that a registry asks them. */
const REGISTRY_VERSION = ["Docker-Distribution-Api-Version", "registry/2.0"];

const AUTHORIZATION = new HeaderNames(["authorization"]);
