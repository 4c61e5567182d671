/** One thing that is wrong with the configuration. */
export interface Problem {
  /** Where it was written: `FILE:LINE`, the name of an environment variable, or a flag. */
  readonly where: string;
  /** Sorts problems as a reader meets them: by line within a file, before the environment, before flags. */
  readonly order: number;
  /** Keys that lead to it; empty when the problem is not with one setting. */
  readonly path: readonly PropertyKey[];
  /** What is wrong; what was expected (what was found). */
  readonly message: string;
}

/** The configuration cannot be used. The message has every problem, one a line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly Problem[]) {
    const lines = problems.toSorted((a, b) => a.order - b.order).map(formatProblem);
    super(lines.join("\n"));
    this.problems = lines;
  }
}

function formatProblem({ where, path, message }: Problem): string {
  return [where, ...(path.length > 0 ? [formatPath(path)] : []), message].join(": ");
}

/** Prints a path as it would be written in a program: `listeners[0].address`, `registries["ghcr.io"].proxy`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.map((key, index) => formatKey(key, index === 0)).join("");
}

function formatKey(key: PropertyKey, first: boolean): string {
  if (typeof key === "number") return `[${key}]`;
  const text = String(key);
  if (!/^[A-Za-z_][\w-]*$/.test(text)) return `[${JSON.stringify(text)}]`;
  return first ? text : `.${text}`;
}

/** 60 characters: enough to recognise a value by, short enough to stay on a line. */
const MAX_SHOWN_LENGTH = 60;

/** Prints what was found in place of what was expected, without secrets: URLs lose their user-info. */
export function formatFound(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  const text = JSON.stringify(typeof value === "string" ? redactUserInfo(value) : value);
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}

/** Takes user and password out of a URL, well-formed or not: all that is before the last `@`, but a scheme. */
export function redactUserInfo(text: string): string {
  return text.replace(/^([a-z][a-z\d+.-]*:?\/\/)?.*@/is, "$1***@");
}
