/** What a parameter of a challenge shall be instead; undefined leaves it as it is. */
export type NewValue = (name: string, value: string) => string | undefined;

// RFC 9110 §11.6.1: challenges follow each other, separated by commas like their parameters. A word that no "=" follows
// is a scheme. https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PART = new RegExp(`(${TOKEN})(\\s*=\\s*)("(?:[^"\\\\]|\\\\.)*"|[^\\s",]+)|(${TOKEN})`, "g");

/**
 * Replaces parameters of the Bearer challenges in a `WWW-Authenticate` value. Every other byte stays as it is: other
 * challenges, spaces, the order and quoting of what is not replaced.
 */
export function rewriteBearerChallenges(text: string, newValue: NewValue): string {
  let scheme = "";
  return text.replaceAll(PART, (part: string, ...groups: (string | undefined)[]) => {
    const [name, equals, value, word] = groups;
    if (word !== undefined) scheme = word.toLowerCase();
    if (scheme !== "bearer" || name === undefined || equals === undefined || value === undefined) return part;
    const changed = newValue(name.toLowerCase(), unquote(value));
    return changed === undefined ? part : `${name}${equals}"${changed.replaceAll(/["\\]/g, "\\$&")}"`;
  });
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, "$1") : value;
}
