import type { BasicUser } from "./credentials.ts";
import { parsePasswordHash } from "./password-hash.ts";

/** What a file of credentials says, or why it cannot be used; a mistake shows nothing of its content. */
export type Parsed<Entry> = { readonly entries: readonly Entry[] } | { readonly mistake: string };

/** A `basicFile`: `NAME:HASH` on each line, as of htpasswd; empty lines and those with # do not count. */
export function parseBasicFile(text: string): Parsed<BasicUser> {
  return parseLines(text, "NAME:$scrypt$…, as `pullmeter hash-password NAME` prints it", (line) => {
    const [, name = "", hash = ""] = /^([^:\s]+):(\S+)$/.exec(line) ?? [];
    const password = parsePasswordHash(hash);
    return name === "" || password === undefined ? undefined : { name, password };
  });
}

// RFC 6750 §2.1: token68
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** 16 characters: what is shorter is a placeholder, or can be guessed. */
const SHORTEST_TOKEN = 16;

/** A `bearerFile`: a token on each line. */
export function parseBearerFile(text: string): Parsed<string> {
  const expected = `a token of ${SHORTEST_TOKEN} or more of letters, digits and -._~+/`;
  return parseLines(text, expected, (line) => (TOKEN.test(line) && line.length >= SHORTEST_TOKEN ? line : undefined));
}

function parseLines<Entry>(
  text: string,
  expected: string,
  parseLine: (line: string) => Entry | undefined,
): Parsed<Entry> {
  const entries: Entry[] = [];
  for (const [index, written] of text.split("\n").entries()) {
    const line = written.trim();
    if (line === "" || line.startsWith("#")) continue;
    const entry = parseLine(line);
    if (entry === undefined) return { mistake: `line ${index + 1} in it cannot be read; expected ${expected}` };
    entries.push(entry);
  }
  return entries.length === 0 ? { mistake: `nobody is in it; expected lines of ${expected}` } : { entries };
}
