import { BlockList, isIPv4, isIPv6 } from "node:net";

// https://www.iana.org/assignments/iana-ipv4-special-registry (2025-10-09): whatever is not globally reachable, and
// multicast. Two ranges that look public are added: the deprecated 6to4 relays and Azure's metadata endpoint.
const REFUSED_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  // https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
  "168.63.129.16/32",
];

// Global unicast is all of IPv6 that is assigned for the public network (RFC 4291 §2.4).
const GLOBAL_UNICAST = "2000::/3";

// https://www.iana.org/assignments/iana-ipv6-special-registry (2025-10-09), the part inside 2000::/3: protocol
// assignments with Teredo, documentation, 6to4 (which embeds any IPv4 address).
const REFUSED_IPV6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

// Prefixes with an IPv4 address in the last 32 bits, judged by that address: IPv4-mapped (RFC 4291 §2.5.5.2) and the
// well-known NAT64 prefix (RFC 6052 §2.1), which DNS64 puts before the address of any host without IPv6.
const EMBEDDING = ["::ffff:", "64:ff9b::"];

const refused = new BlockList();
const embedding = new BlockList();
const globalUnicast = new BlockList();

for (const range of REFUSED_IPV4) addRange(refused, range, "ipv4");
for (const range of REFUSED_IPV6) addRange(refused, range, "ipv6");
for (const prefix of EMBEDDING) {
  embedding.addSubnet(`${prefix}0.0.0.0`, 96, "ipv6");
  for (const range of REFUSED_IPV4) {
    const [network = "", bits = ""] = range.split("/");
    refused.addSubnet(`${prefix}${network}`, 96 + Number(bits), "ipv6");
  }
}
addRange(globalUnicast, GLOBAL_UNICAST, "ipv6");

/** True if `address` is an IP address of the public network. False for every other text. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !refused.check(address, "ipv4");
  // A zone ("%eth0") goes with link-local addresses only (RFC 4007 §11).
  if (!isIPv6(address) || address.includes("%")) return false;
  if (refused.check(address, "ipv6")) return false;
  return globalUnicast.check(address, "ipv6") || embedding.check(address, "ipv6");
}

function addRange(list: BlockList, range: string, family: "ipv4" | "ipv6"): void {
  const [network = "", bits = ""] = range.split("/");
  list.addSubnet(network, Number(bits), family);
}
