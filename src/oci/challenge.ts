/** What a 401 asks for: `Bearer realm="…",service="…",scope="…"` or `Basic realm="…"`. Names are lower-case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

// RFC 9110 §11.2: auth-param = token BWS "=" BWS ( token / quoted-string )
const SCHEME = /^\s*([A-Za-z][\w-]*)(?:\s+|$)/;
// Names are looked for where one can begin: from within, a long one without "=" would be read again for each character.
const PARAMETER = /(?<![\w-])([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/g;

/** Reads a `WWW-Authenticate` value that holds one challenge. Returns undefined if there is no scheme. */
export function parseChallenge(value: string): Challenge | undefined {
  const scheme = SCHEME.exec(value);
  if (!scheme) return undefined;
  const parameters = new Map<string, string>();
  for (const [, name = "", quoted, token] of value.slice(scheme[0].length).matchAll(PARAMETER)) {
    parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, "$1") ?? token ?? "");
  }
  return { scheme: (scheme[1] ?? "").toLowerCase(), parameters };
}
