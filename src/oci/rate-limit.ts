/** What the headers of a response tell of a registry's limit on requests or pulls. At least one field is known. */
export interface RateLimit {
  /** Requests, or pulls, that the window allows. */
  readonly limit?: number;
  readonly remaining?: number;
  readonly windowSeconds?: number;
}

/**
 * Reads the forms that are in use; `header` gives a header's value by its lower-case name:
 *
 *     ratelimit-limit: 100;w=21600             Docker Hub, https://docs.docker.com/docker-hub/usage/pulls/
 *     ratelimit-remaining: 76;w=21600
 *
 *     RateLimit-Limit: 10, 10;w=1, 100;w=60    draft-ietf-httpapi-ratelimit-headers-03
 *     RateLimit-Policy: 10;w=1, 100;w=60       -06: the policies in a header of their own
 *     RateLimit: limit=10, remaining=4         -07
 *     RateLimit: "burst";r=4;t=2               -08 and later
 *     RateLimit-Policy: "burst";q=10;w=1
 *
 * Of several limits it tells the one that is nearest to its end. Undefined if there is none.
 */
export function readRateLimit(header: (name: string) => string | undefined): RateLimit | undefined {
  const current = parseList(header("ratelimit"));
  const policies = parseList(header("ratelimit-policy"));
  if (current.length > 0) return readNamed(current, policies) ?? readMembers(current, policies);
  const limits = parseList(header("ratelimit-limit"));
  const limit = readInteger(limits[0]?.value);
  const [remaining] = parseList(header("ratelimit-remaining"));
  const windowSeconds =
    readInteger(limits[0]?.parameters.get("w")) ??
    windowOf(limit, [...limits.slice(1), ...policies]) ??
    readInteger(remaining?.parameters.get("w"));
  return known({ limit, remaining: readInteger(remaining?.value), windowSeconds });
}

/** One member of a list of RFC 9651 §3.1, as far as these headers use it. */
interface Item {
  /** Quotes taken off. */
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** `"burst";r=4`: the item with the least left, and the policy of the same name. */
function readNamed(current: readonly Item[], policies: readonly Item[]): RateLimit | undefined {
  let least: { readonly name: string; readonly remaining: number } | undefined;
  for (const { value, parameters } of current) {
    const remaining = readInteger(parameters.get("r"));
    if (remaining === undefined) continue;
    if (least === undefined || remaining < least.remaining) least = { name: value, remaining };
  }
  if (least === undefined) return undefined;
  const { name, remaining } = least;
  const policy = policies.find(({ value }) => value === name)?.parameters;
  return known({ limit: readInteger(policy?.get("q")), remaining, windowSeconds: readInteger(policy?.get("w")) });
}

/** `limit=10, remaining=4` */
function readMembers(current: readonly Item[], policies: readonly Item[]): RateLimit | undefined {
  const members = new Map(current.map(({ value }): readonly [string, string] => splitOnce(value)));
  const limit = readInteger(members.get("limit"));
  return known({
    limit,
    remaining: readInteger(members.get("remaining")),
    windowSeconds: windowOf(limit, policies),
  });
}

/** Window of the policy `LIMIT;w=SECONDS` for this limit. */
function windowOf(limit: number | undefined, policies: readonly Item[]): number | undefined {
  const policy = policies.find(({ value }) => readInteger(value) === limit);
  return readInteger(policy?.parameters.get("w"));
}

/** 1024 characters: the longest example of the drafts has 70. */
const MAX_LENGTH = 1024;
const MEMBER = /(?:"[^"]*"|[^",])+/g;
const PART = /(?:"[^"]*"|[^";])+/g;

function parseList(text: string | undefined): readonly Item[] {
  if (text === undefined || text.length > MAX_LENGTH) return [];
  return (text.match(MEMBER) ?? []).map((member) => {
    const [value = "", ...parameters] = (member.match(PART) ?? []).map((part) => part.trim());
    return { value: unquote(value), parameters: new Map(parameters.map(splitOnce)) };
  });
}

function splitOnce(text: string): readonly [name: string, value: string] {
  const [name = "", ...value] = text.split("=");
  return [name.trim().toLowerCase(), unquote(value.join("=").trim())];
}

function unquote(text: string): string {
  return /^"[^"]*"$/.test(text) ? text.slice(1, -1) : text;
}

// RFC 9651 §3.3.1: an integer has at most 15 digits.
function readInteger(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function known(fields: {
  readonly limit: number | undefined;
  readonly remaining: number | undefined;
  readonly windowSeconds: number | undefined;
}): RateLimit | undefined {
  const { limit, remaining, windowSeconds } = fields;
  if (limit === undefined && remaining === undefined) return undefined;
  return {
    ...(limit !== undefined && { limit }),
    ...(remaining !== undefined && { remaining }),
    ...(windowSeconds !== undefined && { windowSeconds }),
  };
}
