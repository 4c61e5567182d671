import { parseChallenge } from "../oci/challenge.ts";
import type { Upstream } from "./upstream.ts";

/** How a registry wants to be asked, from its own challenges. */
export type RegistryAuth =
  | { readonly kind: "bearer"; readonly realm: URL; readonly service?: string }
  | { readonly kind: "basic" }
  | { readonly kind: "open" };

/** The registrable domain of a host[:port], or another text that is the same for hosts of one owner only. */
export type RegistrableDomain = (host: string) => string | undefined;

/**
 * Reads a `WWW-Authenticate` value of the registry itself. Undefined if it asks for nothing that is known, or names a
 * token service that its credentials must not go to.
 */
export function readRegistryAuth(
  upstream: Upstream,
  value: string,
  domainOf: RegistrableDomain,
): RegistryAuth | undefined {
  const challenge = parseChallenge(value);
  if (challenge?.scheme === "basic") return { kind: "basic" };
  if (challenge?.scheme !== "bearer") return undefined;
  const realm = acceptRealm(upstream, challenge.parameters.get("realm") ?? "", domainOf);
  const service = challenge.parameters.get("service");
  return realm && { kind: "bearer", realm, ...(service !== undefined && { service }) };
}

/**
 * The URL of a token service, if the registry may send credentials there: on its own host, below the same registrable
 * domain, or a configured host; from https to https only. The rule that distribution found after CVE-2026-33540.
 */
export function acceptRealm(upstream: Upstream, text: string, domainOf: RegistrableDomain): URL | undefined {
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined || realm.username !== "" || realm.password !== "") return undefined;
  const { origin, tokenHosts = [] } = upstream;
  const isAsSafe = realm.protocol === "https:" || (realm.protocol === "http:" && origin.protocol === "http:");
  const isOwn = realm.hostname === origin.hostname || tokenHosts.includes(realm.hostname);
  return isAsSafe && (isOwn || isSameDomain(realm, origin, domainOf)) ? realm : undefined;
}

function isSameDomain(realm: URL, origin: URL, domainOf: RegistrableDomain): boolean {
  const domain = domainOf(origin.hostname);
  return domain !== undefined && domain === domainOf(realm.hostname);
}

/** How to reach the token service: as the registry, but private addresses only where the configuration names its host. */
export function tokenUpstream(upstream: Upstream, realm: URL): Upstream {
  const isNamed = realm.hostname === upstream.origin.hostname || upstream.tokenHosts?.includes(realm.hostname) === true;
  return {
    ...upstream,
    origin: new URL(realm.origin),
    allowPrivateAddresses: upstream.allowPrivateAddresses && isNamed,
    privateRedirectHosts: [],
  };
}

/** 1,000 registries: as many as are known at all. */
const MAX_REGISTRIES = 1_000;

/** How registries wanted to be asked last. */
export class RegistryAuths {
  readonly #known = new Map<string, RegistryAuth>();

  get(registry: string): RegistryAuth | undefined {
    return this.#known.get(registry);
  }

  set(registry: string, auth: RegistryAuth): void {
    this.#known.delete(registry);
    this.#known.set(registry, auth);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_REGISTRIES && oldest !== undefined) this.#known.delete(oldest);
  }
}
