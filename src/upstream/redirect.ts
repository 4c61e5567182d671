import { headerValue, type RawHeaders } from "./raw-headers.ts";
import { UpstreamError } from "./upstream-error.ts";

/** Where one request goes: an origin, and path with query exactly as they go on the wire. */
export interface Hop {
  readonly origin: URL;
  readonly path: string;
}

// RFC 9110 §15.4: the codes that tell where else to ask for the same thing.
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** The value of `Location` if the response is a redirect that can be followed. */
export function redirectLocation(status: number, headers: RawHeaders): string | undefined {
  return REDIRECTS.has(status) ? headerValue(headers, "location") : undefined;
}

// RFC 3986 §3.2: authority, user-info taken off, then path and query; a fragment never goes on the wire.
const ABSOLUTE = /^(https?:)?\/\/(?:[^/?#\\@]*@)?([^/?#\\@ ]+)([^#]*)/i;

// No URL has them (RFC 3986 §2). Browsers take some away, wherever they stand, and so change the host.
const CONTROL = /[^ -~\x80-\xff]/;

/**
 * Where `location` leads from `from`. Path and query are taken as they are: signatures of storage services may cover
 * their exact spelling. Throws an UpstreamError for what cannot or must not be followed.
 */
export function nextHop(from: Hop, location: string): Hop {
  // `trim` takes a no-break space too, which is part of a path to everybody else.
  const text = location.includes("\u00a0") ? location : location.trim();
  if (CONTROL.test(text)) throw noUrl(from);
  const [, scheme = from.origin.protocol, authority, rest = ""] = ABSOLUTE.exec(text) ?? [];
  const hop = authority === undefined ? sameOrigin(from, text) : elsewhere(`${scheme}//${authority}`, rest);
  if (hop === undefined) throw noUrl(from);
  if (from.origin.protocol === "https:" && hop.origin.protocol !== "https:") {
    throw new UpstreamError("refused", `${from.origin.host}: it redirects from https to plain http`);
  }
  return hop;
}

function noUrl(from: Hop): UpstreamError {
  return new UpstreamError("proxy", `${from.origin.host}: it redirects to something that is no http or https URL`);
}

/** RFC 6454 §5 */
export function isSameOrigin(one: Hop, other: Hop): boolean {
  // Without a redirect both are the registry's: then the texts, which a URL makes anew each time, are not needed.
  return one.origin === other.origin || one.origin.origin === other.origin.origin;
}

function elsewhere(origin: string, rest: string): Hop | undefined {
  // RFC 3986 §3.2: nothing else ends an authority; a second "@" or a space is read differently by others.
  if (!/^(?:[/?\\]|$)/.test(rest)) return undefined;
  const url = parseUrl(origin);
  return url && { origin: url, path: rest.startsWith("/") ? rest : `/${rest}` };
}

// RFC 3986 §3.1. Browsers read `http:/x` as a path, others as a host: what is read in two ways is not followed.
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

function sameOrigin(from: Hop, text: string): Hop | undefined {
  if (SCHEME.test(text)) return undefined;
  if (text.startsWith("/")) return { origin: from.origin, path: text.replace(/#.*$/s, "") };
  const url = parseUrl(text, `${from.origin.origin}${from.path}`);
  if (url === undefined || url.origin !== from.origin.origin) return undefined;
  return { origin: from.origin, path: `${url.pathname}${url.search}` };
}

function parseUrl(text: string, base?: string): URL | undefined {
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined;
}
