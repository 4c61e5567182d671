import type * as z from "zod";
import { findConflicts, valueAt } from "./conflicts.ts";
import { formatFound } from "./problem.ts";
import { findProtectionConflicts } from "./protection-conflicts.ts";
import { settingsJsonSchema, settingsSchema, type Settings } from "./schema.ts";
import { listSettings } from "./setting.ts";
import { suggest } from "./suggest.ts";
import { findWorkersConflict } from "./workers-conflict.ts";

/** A mistake in the settings: what is wrong; what was expected (what was found). */
export interface Mistake {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export type Validation =
  | { readonly settings: Settings; readonly mistakes?: never }
  | { readonly settings?: never; readonly mistakes: readonly Mistake[] };

/** Checks settings as users write them and fills in defaults. Finds all mistakes, not only the first. */
export function validateSettings(given: unknown): Validation {
  const result = settingsSchema.safeParse(given, { error: describeIssue });
  const conflicts = findConflicts(withDefaults(given), (path) => valueAt(given, path) !== undefined);
  const issues = (result.error?.issues ?? []).flatMap((issue) => toMistakes(issue, given));
  const mistakes = [...issues, ...conflicts, ...findProtectionConflicts(given), ...findWorkersConflict(given)];
  return result.success && mistakes.length === 0 ? { settings: result.data } : { mistakes };
}

/** Wording of issues for which the schema itself has none. */
function describeIssue(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "invalid_type") {
    const type = TYPES[issue.expected] ?? issue.expected;
    // `quay.io:` with nothing behind it.
    const hint = type === "a mapping" && issue.input === null ? ", {} if there is nothing to say" : "";
    return `wrong type; expected ${type}${hint}`;
  }
  if (issue.code === "invalid_value") return `not one of its values; expected ${issue.values.map(String).join(", ")}`;
  return "not valid; expected what docs/configuration.md says";
}

const TYPES: Readonly<Record<string, string>> = { object: "a mapping", record: "a mapping", array: "a list" };

function toMistakes(issue: z.core.$ZodIssue, given: unknown): readonly Mistake[] {
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(issue.path);
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: describeUnknownKey(key, known) }));
  }
  const found = valueAt(given, issue.path);
  const message =
    found === undefined ? issue.message.replace(/^[^;]*;/, "missing;") : `${issue.message} (got ${formatFound(found)})`;
  return [{ path: issue.path, message }];
}

function describeUnknownKey(key: string, known: readonly string[]): string {
  const near = suggest(key, known);
  return near === undefined
    ? `unknown key; expected one of ${known.join(", ")}`
    : `unknown key; did you mean "${near}"?`;
}

type JsonSchema = Exclude<ReturnType<typeof settingsJsonSchema>, boolean>;

/** Keys that the mapping at a path may have. */
function keysAt(path: readonly PropertyKey[]): readonly string[] {
  let schema: JsonSchema | undefined = settingsJsonSchema();
  for (const key of path) schema = schema && schemaBelow(schema, key);
  return Object.keys(schema?.properties ?? {});
}

function schemaBelow(schema: JsonSchema, key: PropertyKey): JsonSchema | undefined {
  const below = schema.properties?.[String(key)] ?? schema.items ?? schema.additionalProperties;
  return typeof below === "object" && !Array.isArray(below) ? below : undefined;
}

/** What the user gave, and beside it the defaults that it may collide with. */
function withDefaults(given: unknown): unknown {
  const defaults: Record<string, unknown> = {};
  for (const { path, fallback } of listSettings()) {
    const [group = "", key, ...below] = path;
    // What has no default collides with none.
    if (below.length > 0) continue;
    const value = valueAt(given, path) ?? fallback;
    defaults[group] = key === undefined ? value : { ...asObject(defaults[group]), [key]: value };
  }
  return defaults;
}

function asObject(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}
