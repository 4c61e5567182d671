/** How to reach one registry. Made from the configuration; never from a request. */
export interface Upstream {
  /** host[:port] as clients name it, lower-case. */
  readonly registry: string;
  /** Scheme, host and port where we connect, for example `https://registry-1.docker.io`. No path. */
  readonly origin: URL;
  /** PEM certificates trusted beside the system's. */
  readonly ca?: string;
  /** HTTP proxy through which to connect (CONNECT for https); credentials may be in its user-info. */
  readonly proxy?: URL;
  /** `follow`: redirects of blobs are followed inside the proxy. `pass`: the client gets them. */
  readonly redirects: "follow" | "pass";
  /** The registry may resolve to private or loopback addresses, because it was configured by name. */
  readonly allowPrivateAddresses: boolean;
  /**
   * Hosts, without port, to which redirects may lead although they resolve to private addresses: the blob store beside
   * a private registry. The registry's own host needs no entry. Default: none.
   */
  readonly privateRedirectHosts?: readonly string[];
  /** Share of blobs whose bytes are compared with their digest, 0 to 1. Default: 0. */
  readonly verifyBlobs?: number;
  /** `relay`: clients ask the proxy for tokens of this registry. Default: they ask its token service. */
  readonly tokens?: "pass" | "relay";
  /** Hosts, without port, where token services may be beside the registry's own domain. As private as the registry. */
  readonly tokenHosts?: readonly string[];
}

/** Finds the upstream for host[:port] as a client named it. Undefined: this registry is not to be reached. */
export type FindUpstream = (registry: string) => Upstream | undefined;
