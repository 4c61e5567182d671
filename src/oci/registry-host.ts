/** 255 characters: longest DNS name (RFC 1035 §2.3.4); a port fits in because no real name is that long. */
const MAX_HOST_LENGTH = 255;

// Domain of an image reference: https://github.com/distribution/reference/blob/v0.6.0/reference.go
const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-f:.]+\\])$`);
const PORT = /^\d{1,5}$/;
// Lower-casing turns some letters into ASCII (U+212A, the Kelvin sign, into "k"): only ASCII is looked at.
const VISIBLE_ASCII = /^[!-~]+$/;

/**
 * Reads host[:port] as clients name a registry: lower-case, without the root's trailing dot, so that two spellings of
 * one registry are equal. Returns undefined for anything else: user-info, paths, spaces, an impossible port.
 */
export function parseRegistryHost(text: string): string | undefined {
  if (text.length > MAX_HOST_LENGTH || !VISIBLE_ASCII.test(text)) return undefined;
  const { name, port } = splitPort(text.toLowerCase());
  const host = name.endsWith(".") ? name.slice(0, -1) : name;
  if (!HOST.test(host)) return undefined;
  if (port === undefined) return host;
  const number = Number(port);
  return PORT.test(port) && number >= 1 && number <= 65_535 ? `${host}:${number}` : undefined;
}

/** Parts of host[:port]; the colons inside an IPv6 literal's brackets separate nothing. */
export function splitPort(host: string): { readonly name: string; readonly port?: string } {
  const colon = host.lastIndexOf(":");
  if (colon <= host.lastIndexOf("]")) return { name: host };
  return { name: host.slice(0, colon), port: host.slice(colon + 1) };
}
