import { isIP, isIPv4, isIPv6 } from "node:net";
import { get as registrableDomainByList } from "psl";

/** Stands for what has no registrable domain. */
export const UNKNOWN = "[UNKNOWN]";
const IP_ADDRESS = "[IP_ADDRESS]";

/**
 * The value of the label `registry` for a host[:port] as a client names it: the registrable domain (public suffix and
 * one label, private section of the list included), `[IP_ADDRESS]`, or `[UNKNOWN]` for anything that has none.
 * Agrees with Go's `publicsuffix.EffectiveTLDPlusOne` on well-formed names; beyond it, case, port and a trailing dot
 * are ignored, and international names are taken in their ASCII form. Never throws.
 */
export function registryLabel(host: string): string {
  if (host.length > MAX_HOST_LENGTH) return UNKNOWN;
  const cached = cache.get(host);
  if (cached !== undefined) return cached;
  const label = computeLabel(host);
  if (cache.size >= MAX_CACHED_HOSTS) cache.clear();
  cache.set(host, label);
  return label;
}

/** 300 characters: a name of 253 (RFC 1035 §2.3.4), or an address with a zone, and a port. */
const MAX_HOST_LENGTH = 300;

/** 1000 hosts (below 1 MB with the longest names): far more than anyone pulls from; made-up names cannot fill memory. */
const MAX_CACHED_HOSTS = 1000;
const cache = new Map<string, string>();

function computeLabel(host: string): string {
  const name = withoutPort(host);
  if (name === undefined) return UNKNOWN;
  if (isAddress(name)) return IP_ADDRESS;
  const ascii = toAscii(name);
  if (ascii === undefined) return UNKNOWN;
  if (isNumericHost(ascii)) return isIpv4InAnyForm(ascii) ? IP_ADDRESS : UNKNOWN;
  return registrableDomain(ascii) ?? UNKNOWN;
}

/** Without a colon it is no IPv6 address: to make sure of it by Node.js' expression takes 12 ms the first time. */
function isAddress(name: string): boolean {
  return isIPv4(name) || (name.includes(":") && isIPv6(name));
}

const BRACKETED = /^\[([^[\]]*)\](?::(\d*))?$/;
const NAME_AND_PORT = /^([^:]*):(\d*)$/;

/** RFC 3986 §3.2: brackets surround IPv6 literals only; the port may be empty. Undefined if `host` is neither form. */
function withoutPort(host: string): string | undefined {
  const bracketed = BRACKETED.exec(host);
  if (bracketed) return isIP(bracketed[1] ?? "") === 6 && isPort(bracketed[2]) ? bracketed[1] : undefined;
  if (!host.includes(":") || isIP(host) === 6) return host;
  const named = NAME_AND_PORT.exec(host);
  return named && isPort(named[2]) ? named[1] : undefined;
}

function isPort(digits = ""): boolean {
  return Number(digits) <= 65_535;
}

const ASCII_NAME = /^[a-z0-9._-]+$/;
const NAME_IN_ANY_SCRIPT = /^[A-Za-z0-9._\u0080-\u{10FFFF}-]+$/u;

/** Lower-case ASCII form without the root's trailing dot; undefined if a character or the length fits no host name. */
function toAscii(name: string): string | undefined {
  if (!NAME_IN_ANY_SCRIPT.test(name)) return undefined;
  const lower = name.toLowerCase();
  const ascii = ASCII_NAME.test(lower) ? lower : URL.parse(`http://${name}`)?.hostname;
  if (ascii === undefined || !ASCII_NAME.test(ascii)) return undefined;
  const relative = ascii.endsWith(".") ? ascii.slice(0, -1) : ascii;
  return relative.length <= MAX_NAME_LENGTH ? relative : undefined;
}

/** 253 characters. RFC 1035 §2.3.4: 255 octets on the wire, two of which the text form does not show. */
const MAX_NAME_LENGTH = 253;

// https://url.spec.whatwg.org/#ends-in-a-number-checker: such a host is an IPv4 address or nothing, never a domain.
const NUMERIC_LAST_LABEL = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/;

function isNumericHost(ascii: string): boolean {
  return NUMERIC_LAST_LABEL.test(ascii);
}

/** True for forms such as `010.0.0.1`, `127.1` and `0x7f000001`, which resolvers take for addresses. */
function isIpv4InAnyForm(ascii: string): boolean {
  return isIP(URL.parse(`http://${ascii}`)?.hostname ?? "") === 4;
}

/** Public suffix and the label before it; undefined if there is an empty label or the name is a suffix itself. */
function registrableDomain(ascii: string): string | undefined {
  const labels = ascii.split(".");
  if (labels.includes("")) return undefined;
  const count = countRegistrableLabels(labels);
  return count === undefined ? undefined : labels.slice(-count).join(".");
}

/** A label that no rule of the list names; `0` would be one (`0.bg`). */
const UNLISTED = "in-no-rule";

function countRegistrableLabels(labels: readonly string[]): number | undefined {
  const count = countByList(labels);
  if (count !== undefined || !isWildcardBase(labels)) return count;
  return countByList([UNLISTED, ...labels.slice(1)]);
}

/**
 * True for `kobe.jp`, which the list has only as `*.kobe.jp`: psl takes it for a suffix, but the rule matches longer
 * names only (https://github.com/publicsuffix/list/wiki/Format#formal-algorithm).
 */
function isWildcardBase(labels: readonly string[]): boolean {
  return labels.length > 1 && countByList([UNLISTED, UNLISTED, ...labels]) === labels.length + 2;
}

function countByList(labels: readonly string[]): number | undefined {
  return registrableDomainByList(labels.map(asListed).join("."))?.split(".").length;
}

const DNS_LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/**
 * psl refuses names with a label such as `-bad`, and all names under `local`. The list's rules name none of them, so
 * that an unlisted label in their place gives what the list says: the rule of the other labels, or the default rule.
 */
function asListed(label: string): string {
  return DNS_LABEL.test(label) && label !== "local" ? label : UNLISTED;
}
