const REDACTED = "[REDACTED]";

interface Rule {
  readonly pattern: RegExp;
  readonly replacement: string | ((...match: string[]) => string);
}

/** Query parameters whose values are no secrets. Any other value goes: signatures have many names. */
const PUBLIC_PARAMETERS = new Set(["ns", "scope", "service", "n", "last", "digest", "mount", "from", "artifacttype"]);

/** In this order. Every pattern is anchored so that matching takes linear time. */
const RULES: readonly Rule[] = [
  // Header lines, and objects printed with their headers.
  {
    pattern: /\b((?:proxy-)?authorization|(?:set-)?cookie2?|x-registry-auth)\b("?\s*[:=]\s*)[^\r\n]+/gi,
    replacement: `$1$2${REDACTED}`,
  },
  // RFC 9110 §11.6.2: scheme and token or parameters. A challenge's `Bearer realm=…` is public.
  { pattern: /\b(Basic|Bearer|Negotiate|AWS4-HMAC-SHA256)\s+(?!realm=)[^\s"',]+/gi, replacement: `$1 ${REDACTED}` },
  // RFC 3986 §3.2.1: user-info, also in front of a bare host; not `name@sha256:…`, which is a reference.
  {
    pattern: /(?<![^\s"'])([a-z][a-z0-9+.-]*:\/\/)?[^\s"']*@(?!sha(?:256|512):)(?=[\w[])/gi,
    replacement: `$1${REDACTED}@`,
  },
  // Query values: signed URLs of object stores and CDNs, tokens.
  {
    pattern: /([?&])([^\s=&?#"'<>]+)=[^\s&#"'<>]+/g,
    replacement: (match, separator, name) =>
      PUBLIC_PARAMETERS.has((name ?? "").toLowerCase()) ? (match ?? "") : `${separator}${name}=${REDACTED}`,
  },
  // name=value and "name": "value" outside of URLs.
  {
    pattern:
      /\b(pass(?:word|wd)?|secret|(?:access_|refresh_|identity)?token|api_?key|signature)("?\s*[=:]\s*"?)[^\s"'&,;}]+/gi,
    replacement: `$1$2${REDACTED}`,
  },
  // RFC 7519 §3: a JSON Web Token begins with the base64url of `{"`.
  // Whole runs are matched, each once: a match that began at every `eyJ` of one would take quadratic time.
  {
    pattern: /[\w-][\w.-]*[\w-]/g,
    replacement: (run = "") => {
      const start = run.search(/\beyJ/);
      return start !== -1 && run.includes(".", start) ? `${run.slice(0, start)}${REDACTED}` : run;
    },
  },
  // Personal tokens that announce themselves: GitHub, GitLab, Docker Hub.
  { pattern: /\b(?:gh[pousr]_|github_pat_|glpat-|dckr_[po]at_)[\w-]+/g, replacement: REDACTED },
];

/** 16 Ki characters are looked at: what a request's head can hold (`--max-http-header-size` of Node.js). */
const MAX_INPUT_LENGTH = 16 * 1024;

/** 4096 characters are told: a long stack trace. Cut after redaction, so that no secret loses its mark and stays. */
const MAX_TEXT_LENGTH = 4096;

/** The text without what could be a secret: user-info, query values, credentials, tokens. */
export function redactText(text: string): string {
  let redacted = text.slice(0, MAX_INPUT_LENGTH);
  for (const { pattern, replacement } of RULES) {
    redacted =
      typeof replacement === "string" ? redacted.replace(pattern, replacement) : redacted.replace(pattern, replacement);
  }
  return redacted.length > MAX_TEXT_LENGTH ? `${redacted.slice(0, MAX_TEXT_LENGTH)}…` : redacted;
}

/** 8: deeper than anything that is logged; stops at cycles too. */
const MAX_DEPTH = 8;

/** The value with every text in it redacted. Errors become objects, a URL its text. */
export function redactValue(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return "[TOO DEEP]";
  if (value instanceof Date) return value;
  if (value instanceof URL) return redactText(value.href);
  if (value instanceof Error) return redactValue(describeError(value), depth + 1);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  const entries = Object.entries(value).map(([name, item]) => [name, redactNamed(name, item, depth + 1)]);
  return Object.fromEntries(entries);
}

const SECRET_NAME = /authorization|cookie|password|secret|credential|token$/i;

function redactNamed(name: string, value: unknown, depth: number): unknown {
  return SECRET_NAME.test(name) && typeof value === "string" ? REDACTED : redactValue(value, depth);
}

function describeError(error: Error): object {
  const { name, message, stack, cause } = error;
  const code = "code" in error && typeof error.code === "string" ? { code: error.code } : {};
  return {
    name,
    message,
    ...code,
    ...(stack === undefined ? {} : { stack }),
    ...(cause === undefined ? {} : { cause }),
  };
}
