import { rewriteBearerChallenges } from "../oci/rewrite-challenge.ts";
import { parseRegistryHost } from "../oci/registry-host.ts";
import { prefixScopes } from "../oci/token-scope.ts";
import type { CredentialEvidence } from "../pull/credentials.ts";
import type { UpstreamResponse } from "../upstream/exchange.ts";
import { headerValue, type RawHeaders } from "../upstream/raw-headers.ts";
import { readRegistryAuth, RegistryAuths, type RegistrableDomain, type RegistryAuth } from "../upstream/token-realm.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { errorBody } from "../oci/error-code.ts";
import type { OwnResponse } from "./error-response.ts";
import { schemeOf, type Listener } from "./listener.ts";
import type { Target } from "./resolve-registry.ts";
import { TokenSealer } from "./sealed-token.ts";
import { TokenMemory } from "./token-memory.ts";

/** Below it, requests are for tokens; no registry has such a path, and no route of a registry begins with it. */
export const TOKEN_PATH = "/_pullmeter/token";

/** Stands for the registry's service until it is known which registry is meant. */
const SHARED_SERVICE = "pullmeter";

/**
 * Makes clients ask the proxy for their tokens, and remembers how tokens were got. Opt-in: with it, the credentials of
 * clients pass through the proxy. docs/operations.md states what that means.
 */
export class TokenRelay {
  readonly #domainOf: RegistrableDomain;
  readonly auths = new RegistryAuths();
  readonly memory: TokenMemory;
  readonly sealer: TokenSealer;

  /** `before`: the one under other rules. What clients hold of it stays good; what registries said is asked anew. */
  constructor(domainOf: RegistrableDomain, now: () => number, before?: TokenRelay) {
    this.#domainOf = domainOf;
    this.memory = before?.memory ?? new TokenMemory();
    this.sealer = before?.sealer ?? new TokenSealer(now);
  }

  isOn(listener: Listener, upstream: Upstream | undefined): boolean {
    return listener.tokens === "relay" || upstream?.tokens === "relay";
  }

  /** How the registry itself says it wants to be asked, if it does and its word may be taken. */
  learn(upstream: Upstream, headers: RawHeaders): RegistryAuth | undefined {
    const challenges = headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === "www-authenticate");
    const read = challenges.map((value) => readRegistryAuth(upstream, value, this.#domainOf));
    const auth = read.find((one) => one?.kind === "bearer") ?? read.find((one) => one !== undefined);
    if (auth !== undefined) this.auths.set(upstream.registry, auth);
    return auth;
  }

  /** The response with challenges that lead to the proxy; service and scope stay, byte for byte. */
  leadHere(
    response: UpstreamResponse,
    upstream: Upstream,
    target: Target,
    { listener, headers: requestHeaders }: { readonly listener: Listener; readonly headers: RawHeaders },
  ): UpstreamResponse {
    const base = baseOf(listener, requestHeaders);
    if (base === undefined || this.learn(upstream, response.headers)?.kind !== "bearer") return response;
    const isPrefix = target.naming === "path";
    const realm = `${base}${TOKEN_PATH}${isPrefix ? "" : `/${encodeURIComponent(target.registry)}`}`;
    const headers = response.headers.map((text, i) => {
      if (i % 2 === 0 || response.headers[i - 1]?.toLowerCase() !== "www-authenticate") return text;
      // A realm that is not to be trusted stays what it is: its client decides, as without the proxy.
      if (readRegistryAuth(upstream, text, this.#domainOf)?.kind !== "bearer") return text;
      return rewriteBearerChallenges(text, (name, value) => {
        if (name === "realm") return realm;
        return name === "scope" && isPrefix ? prefixScopes(value, target.registry) : undefined;
      });
    });
    return { ...response, headers };
  }

  /** The answer to a ping of a shared listener: clients then ask for a token, and its scope says of which registry. */
  sharedChallenge(listener: Listener, headers: RawHeaders): OwnResponse | undefined {
    const base = baseOf(listener, headers);
    if (listener.tokens !== "relay" || base === undefined || bearerOf(headers) !== undefined) return undefined;
    const body = errorBody("UNAUTHORIZED", "pullmeter: ask for a token; its scope names the registry");
    return {
      status: 401,
      headers: [
        "Content-Type",
        "application/json",
        "Content-Length",
        String(Buffer.byteLength(body)),
        "Docker-Distribution-Api-Version",
        "registry/2.0",
        "WWW-Authenticate",
        `Bearer realm="${base}${TOKEN_PATH}",service="${SHARED_SERVICE}"`,
      ],
      body,
    };
  }

  /** A request's headers with what is inside a token of the proxy's own instead of it. */
  unseal(headers: string[], registry: string): string[] {
    const token = bearerOf(headers);
    if (token === undefined || !this.sealer.isSealed(token)) return headers;
    const authorization = this.sealer.open(registry, token);
    const others = headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== "authorization");
    return authorization === "" ? others : [...others, "Authorization", authorization];
  }

  /** How the token of a request was got; undefined if not here. */
  evidence(headers: RawHeaders): CredentialEvidence | undefined {
    const token = bearerOf(headers);
    return token === undefined ? undefined : this.memory.recall(token);
  }
}

function bearerOf(headers: RawHeaders): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headerValue(headers, "authorization") ?? "")?.[1];
}

/** Where the client reached the proxy, by its own account. */
function baseOf(listener: Listener, headers: RawHeaders): string | undefined {
  const host = parseRegistryHost(headerValue(headers, "host")?.trim() ?? "");
  return host === undefined ? undefined : `${schemeOf(listener)}://${host}`;
}
