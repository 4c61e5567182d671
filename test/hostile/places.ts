import type { NameTable } from "./resolver.ts";

/** A place where the proxy must not connect, in one of its spellings. */
export interface Place {
  readonly name: string;
  /** As it stands in a URL. */
  readonly host: string;
  /** It can be written as the host of an image's name; else it is refused as none. */
  readonly isRegistryHost: boolean;
  /** A URL parser takes it for a host. Default: true. */
  readonly isUrlHost?: boolean;
}

function hosts(...places: readonly (readonly [name: string, host: string])[]): Place[] {
  return places.map(([name, host]) => ({ name, host, isRegistryHost: true }));
}

function others(...places: readonly (readonly [name: string, host: string])[]): Place[] {
  return places.map(([name, host]) => ({ name, host, isRegistryHost: false }));
}

export const PLACES: readonly Place[] = [
  ...hosts(
    ["loopback", "127.0.0.1"],
    ["another loopback address", "127.0.0.2"],
    ["the unspecified address", "0.0.0.0"],
    ["a private address, 10/8", "10.0.0.1"],
    ["a private address, 172.16/12", "172.16.0.1"],
    ["a private address, 192.168/16", "192.168.0.1"],
    ["carrier-grade NAT", "100.64.0.1"],
    ["link-local", "169.254.1.1"],
    ["multicast", "224.0.0.1"],
    ["broadcast", "255.255.255.255"],
    ["an address for documentation", "192.0.2.1"],
    ["an address for benchmarks", "198.18.0.1"],
    ["metadata of AWS, GCP, Azure", "169.254.169.254"],
    ["metadata of ECS tasks", "169.254.170.2"],
    ["metadata of Alibaba", "100.100.100.200"],
    ["metadata of Oracle", "192.0.0.192"],
    ["Azure's wire server", "168.63.129.16"],
    ["metadata of AWS over IPv6", "[fd00:ec2::254]"],
    ["metadata of GCP over IPv6", "[fd20:ce::254]"],
    ["a decimal number", "2130706433"],
    ["a hexadecimal number", "0x7f000001"],
    ["an octal number", "017700000001"],
    ["octal parts", "0177.0.0.1"],
    ["hexadecimal parts", "0x7f.0x0.0x0.0x1"],
    ["mixed parts", "127.0x0.0.01"],
    ["two parts", "127.1"],
    ["three parts", "127.0.1"],
    ["zero", "0"],
    ["decimal metadata", "2852039166"],
    ["percent-encoded digits", "%31%32%37.0.0.1"],
    ["IPv6 loopback", "[::1]"],
    ["IPv6 loopback, spelled out", "[0:0:0:0:0:0:0:1]"],
    ["IPv6 unspecified", "[::]"],
    ["IPv4-mapped", "[::ffff:127.0.0.1]"],
    ["IPv4-mapped, in hexadecimal", "[::ffff:7f00:1]"],
    ["IPv4-mapped metadata", "[::ffff:169.254.169.254]"],
    ["IPv4-compatible", "[::127.0.0.1]"],
    ["NAT64", "[64:ff9b::127.0.0.1]"],
    ["NAT64 for local use", "[64:ff9b:1::127.0.0.1]"],
    ["6to4", "[2002:7f00:1::]"],
    ["Teredo", "[2001:0:7f00:1::]"],
    ["unique local", "[fd00::1]"],
    ["IPv6 link-local", "[fe80::1]"],
    ["IPv6 multicast", "[ff02::1]"],
    ["IPv6 for documentation", "[2001:db8::1]"],
    ["localhost", "localhost"],
    ["LOCALHOST", "LOCALHOST"],
    ["localhost with the root's dot", "localhost."],
    ["a name below localhost", "registry.localhost"],
    ["localhost.localdomain, by its answer", "localhost.localdomain"],
    ["ip6-localhost, by its answer", "ip6-localhost"],
    ["GCP's metadata by name", "metadata.google.internal"],
    ["GCP's metadata by name with a dot", "metadata.google.internal."],
    ["a service of the cluster", "kubernetes.default.svc"],
    ["the container's host", "host.docker.internal"],
    ["a public name with a private address", "private.example.com"],
    ["a public name with a mapped address", "mapped.example.com"],
    ["a public name with several private addresses", "several.example.com"],
    ["a name of the wildcard-DNS kind", "127.0.0.1.nip.io"],
    ["a name in punycode with a loopback address", "xn--localhst-b4a.example.com"],
  ),
  ...others(["a link-local address with a zone", "[fe80::1%25lo]"], ["loopback with a zone", "[::1%25lo]"]).map(
    (place) => ({ ...place, isUrlHost: false }),
  ),
  ...others(
    ["full-width digits", "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1"],
    ["circled digits", "%E2%91%A0%E2%91%A1%E2%91%A6.0.0.1"],
    ["ideographic full stops", "127%E3%80%820%E3%80%820%E3%80%821"],
    ["full-width letters", "%EF%BD%8C%EF%BD%8F%EF%BD%83%EF%BD%81%EF%BD%8C%EF%BD%88%EF%BD%8F%EF%BD%93%EF%BD%94"],
    ["a soft hyphen inside", "local%C2%ADhost"],
    ["user-info before it", "registry.test@127.0.0.1"],
    ["user and password before it", "user:pass@127.0.0.1"],
  ),
];

/** Names that rebind: the first answer is one thing, the second another. Of none the look-up is tried again at once. */
export const REBINDING = {
  "rebinding-a.example.com": [["192.0.2.1"], ["127.0.0.1"]],
  "rebinding-b.example.com": [[], ["127.0.0.1"]],
  "rebinding-c.example.com": [["169.254.169.254"], ["::1"]],
} as const;

export const NAMES: NameTable = {
  localhost: [["127.0.0.1", "::1"]],
  "registry.localhost": [["127.0.0.1"]],
  "localhost.localdomain": [["127.0.0.1"]],
  "ip6-localhost": [["::1"]],
  "metadata.google.internal": [["169.254.169.254"]],
  "kubernetes.default.svc": [["10.96.0.1"]],
  "host.docker.internal": [["192.168.65.2"]],
  "private.example.com": [["127.0.0.1"]],
  "mapped.example.com": [["::ffff:127.0.0.1"]],
  "several.example.com": [["10.0.0.1", "127.0.0.1", "::1", "fd00::1"]],
  "127.0.0.1.nip.io": [["127.0.0.1"]],
  "xn--localhst-b4a.example.com": [["127.0.0.1"]],
  ...REBINDING,
};
