import { isIP, isIPv6 } from "node:net";
import { splitPort } from "../oci/registry-host.ts";

/** Where to listen. `host` is an IP address, `localhost` or another local name; "" is every address of this machine. */
export interface Address {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

const PORT = /^\d{1,5}$/;
// RFC 1123 §2.1; the port is split off before
const NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/;

/** Reads `host:port`, `:port` or `[ipv6]:port`, as Go's net.Listen does. Returns undefined if it is none of them. */
export function parseAddress(text: string): Address | undefined {
  const { name, port = "" } = splitPort(text);
  if (!PORT.test(port) || Number(port) > 65_535) return undefined;
  const host = parseHost(name);
  return host === undefined ? undefined : { host, port: Number(port) };
}

function parseHost(name: string): string | undefined {
  if (name === "") return "";
  if (name.startsWith("[") && name.endsWith("]")) return isIPv6(name.slice(1, -1)) ? name.slice(1, -1) : undefined;
  // 127.0.0.256 and 127.1 are no addresses, and no name of a host is all digits and dots.
  if (isIP(name) === 0 && /^[\d.]+$/.test(name)) return undefined;
  return NAME.test(name) ? name : undefined;
}

export function formatAddress(address: Address): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** True if two listeners cannot hold both addresses at once: same port, and one host covers the other. */
export function overlaps(a: Address, b: Address): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  return a.host === b.host || isWildcard(a.host) || isWildcard(b.host);
}

/** True if only this machine can connect. */
export function isLoopback(address: Address): boolean {
  return address.host === "localhost" || address.host === "::1" || address.host.startsWith("127.");
}

function isWildcard(host: string): boolean {
  return host === "" || host === "0.0.0.0" || host === "::";
}
