import { settingsJsonSchema } from "./schema.ts";

/** A setting that a flag or an environment variable can give. */
export interface Setting {
  /** Keys in the file: `["timeouts", "connect"]`. */
  readonly path: readonly string[];
  /** `--timeouts-connect`. */
  readonly flag: string;
  /** `PULLMETER_TIMEOUTS_CONNECT`. Several values are separated by commas. */
  readonly variable: string;
  /** What stands for the value in help texts; a boolean's flag needs none. */
  readonly argument: string;
  readonly boolean: boolean;
  /** The flag may be given several times. */
  readonly repeatable: boolean;
  readonly description: string;
  /** As users write it; absent if there is none. */
  readonly fallback?: unknown;
}

/** A value at a path. */
export interface Assignment {
  readonly path: readonly PropertyKey[];
  readonly value: unknown;
}

type JsonSchema = Exclude<ReturnType<typeof settingsJsonSchema>, boolean>;

/** Settings that are no single value: what their flag is called and what one text of it means. */
const COMPOSED: Readonly<Record<string, { flag: string; argument: string; description: string }>> = {
  listeners: {
    flag: "listener",
    argument: "ADDRESS[=REGISTRY]",
    description: "Serve clients on this address, for one registry or for those that requests name. Repeatable.",
  },
  registries: {
    flag: "registry",
    argument: "HOST[=URL]",
    description: "Allow this registry, and connect to it at this URL. Repeatable.",
  },
  allowRegistries: {
    flag: "allow-registry",
    argument: "PATTERN",
    description: 'Allow registries that match, such as *.example.com, or "*" for all. Repeatable.',
  },
};

let settings: readonly Setting[] | undefined;

/** Every setting that has a flag and a variable, in the order of the schema. Made once: all commands ask for it. */
export function listSettings(): readonly Setting[] {
  return (settings ??= listBelow([], settingsJsonSchema()));
}

function listBelow(path: readonly string[], schema: JsonSchema): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    if (typeof value === "boolean") return [];
    const below = [...path, key];
    return value.type === "object" && value.properties !== undefined
      ? listBelow(below, value)
      : [toSetting(below, value)];
  });
}

function toSetting(path: readonly string[], schema: JsonSchema): Setting {
  const composed = COMPOSED[path.join(".")];
  return {
    path,
    flag: `--${composed?.flag ?? path.map(toKebabCase).join("-")}`,
    variable: `PULLMETER_${path.map(toKebabCase).join("_").replaceAll("-", "_").toUpperCase()}`,
    argument: composed?.argument ?? schema.enum?.join("|") ?? (schema.type === "integer" ? "NUMBER" : "VALUE"),
    boolean: schema.type === "boolean",
    repeatable: composed !== undefined,
    description: composed?.description ?? schema.description ?? "",
    ...("default" in schema ? { fallback: schema.default } : {}),
  };
}

function toKebabCase(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Prints a single value as users write it. */
export function printValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What texts of a flag or a variable set. A text that cannot be read stays as it is, for the schema to refuse. */
export function readTexts(setting: Setting, texts: readonly string[]): readonly Assignment[] {
  switch (setting.path.join(".")) {
    case "listeners":
      return [{ path: setting.path, value: texts.map(readListener) }];
    case "registries":
      return texts.map(readRegistry);
    case "allowRegistries":
      return [{ path: setting.path, value: texts }];
    default:
      return texts.slice(-1).map((text) => ({ path: setting.path, value: readScalar(setting, text) }));
  }
}

function readListener(text: string): unknown {
  const [address, registry] = splitOnce(text);
  return registry === undefined ? { address } : { address, registry };
}

function readRegistry(text: string): Assignment {
  const [host, upstream] = splitOnce(text);
  return { path: ["registries", host], value: upstream === undefined ? {} : { upstream } };
}

function splitOnce(text: string): readonly [string, string?] {
  const at = text.indexOf("=");
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function readScalar(setting: Setting, text: string): unknown {
  if (setting.boolean && (text === "true" || text === "false")) return text === "true";
  return setting.argument === "NUMBER" && /^-?\d+$/.test(text) ? Number(text) : text;
}
