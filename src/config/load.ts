import { readCertificates } from "./certificates.ts";
import { toConfig, type Config } from "./config.ts";
import { readConfigFile } from "./config-file.ts";
import { isMapping, valueAt } from "./conflicts.ts";
import { readHeadersFile } from "./headers-file.ts";
import { Layers } from "./layers.ts";
import { ConfigError, formatFound, type Problem } from "./problem.ts";
import { readProtections } from "./protections.ts";
import { ENVIRONMENT_ORDER, readProxyVariables } from "./proxy-variables.ts";
import { referencedFiles } from "./referenced-files.ts";
import type { Settings } from "./schema.ts";
import { listSettings, readTexts } from "./setting.ts";
import { suggest } from "./suggest.ts";
import { validateSettings } from "./validate.ts";

/** What a configuration is made of: flags win over the environment, that over the file, that over defaults. */
export interface ConfigSources {
  readonly file?: string | undefined;
  /** Values by flag (`--log-level`), as written. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly settings: Settings;
  /** Every file whose content is part of it. */
  readonly files: readonly string[];
  /** Where a setting was given: a flag, a variable, `FILE:LINE`, or `default`. */
  readonly originOf: (path: readonly PropertyKey[]) => string;
}

/** Sorts problems of flags behind those of the environment. */
const FLAGS_ORDER = Number.MAX_SAFE_INTEGER;

/** The variable that names the configuration file. */
export const FILE_VARIABLE = "PULLMETER_CONFIG";

/** Reads everything that decides about the configuration. Throws one ConfigError with all problems. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const content = sources.file === undefined ? undefined : readConfigFile(sources.file);
  const layers = new Layers(content && sources.file !== undefined ? { name: sources.file, content } : undefined);
  layEnvironment(layers, sources.environment);
  layFlags(layers, sources.flags);

  const validation = validateSettings(layers.value);
  const certificates = readAllCertificates(layers.value, sources.file);
  const traceHeaders = readHeaders(layers.value, "traces", sources.file);
  const pushHeaders = readHeaders(layers.value, "push", sources.file);
  const protections = readProtections(layers.value, sources.file);
  const proxies = readProxyVariables(sources.environment);
  const files = [certificates, traceHeaders, pushHeaders, protections];
  const mistakes = [...(validation.mistakes ?? []), ...files.flatMap((file) => file.mistakes)];
  const problems = [
    ...(content?.problems ?? []),
    ...mistakes.map((mistake): Problem => ({ ...layers.originOf(mistake.path), ...mistake })),
    ...findUnknownVariables(sources.environment),
    ...proxies.problems,
  ];
  if (problems.length > 0 || validation.settings === undefined) throw new ConfigError(problems);

  const { settings } = validation;
  return {
    config: toConfig(settings, {
      pems: certificates.pems,
      traceHeaders: traceHeaders.headers,
      protections,
      pushHeaders: pushHeaders.headers,
      environmentProxy: proxies.environmentProxy,
    }),
    settings,
    files: referencedFiles(settings, sources.file),
    originOf: (path) => (layers.has(path) ? layers.originOf(path).where : "default"),
  };
}

/** An empty variable counts as none: that is how manifests of Kubernetes leave one out. */
function layEnvironment(layers: Layers, environment: ConfigSources["environment"]): void {
  for (const setting of listSettings()) {
    const text = environment[setting.variable];
    if (text === undefined || text === "") continue;
    const texts = setting.repeatable ? text.split(",").map((part) => part.trim()) : [text];
    const origin = { where: setting.variable, order: ENVIRONMENT_ORDER };
    for (const assignment of readTexts(setting, texts)) layers.assign(assignment, origin);
  }
}

function layFlags(layers: Layers, flags: ConfigSources["flags"]): void {
  for (const setting of listSettings()) {
    const texts = flags.get(setting.flag);
    if (texts === undefined) continue;
    for (const assignment of readTexts(setting, texts))
      layers.assign(assignment, { where: setting.flag, order: FLAGS_ORDER });
  }
}

// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables: a Service called "pullmeter…"
// puts such variables into every pod of its namespace.
const SERVICE_LINK =
  /_SERVICE_HOST$|_SERVICE_PORT(?:_[A-Z0-9_]+)?$|_PORT$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/;

function findUnknownVariables(environment: ConfigSources["environment"]): readonly Problem[] {
  const known = [FILE_VARIABLE, ...listSettings().map((setting) => setting.variable)];
  return Object.keys(environment)
    .filter((name) => name.startsWith("PULLMETER_") && !known.includes(name) && !SERVICE_LINK.test(name))
    .map((name) => {
      const near = suggest(name, known);
      const hint = near === undefined ? 'expected one that "pullmeter serve --help" lists' : `did you mean ${near}?`;
      return { where: name, order: ENVIRONMENT_ORDER, path: [], message: `unknown variable; ${hint}` };
    });
}

/** Reads every `caFile` that is a path at all, whatever else is wrong. */
function readAllCertificates(given: unknown, configFile: string | undefined) {
  const pems = new Map<string, string>();
  const mistakes: { path: readonly PropertyKey[]; message: string }[] = [];
  const registries = valueAt(given, ["registries"]);
  for (const host of isMapping(registries) ? Object.keys(registries) : []) {
    const path = ["registries", host, "caFile"];
    const file = valueAt(given, path);
    if (typeof file !== "string" || file === "") continue;
    const read = readCertificates(file, configFile);
    if ("pem" in read) pems.set(host, read.pem);
    else mistakes.push({ path, message: `${read.mistake} (got ${formatFound(file)})` });
  }
  return { pems, mistakes };
}

function readHeaders(given: unknown, group: "traces" | "push", configFile: string | undefined) {
  const path = [group, "headersFile"];
  const file = valueAt(given, path);
  if (typeof file !== "string" || file === "") return { headers: [], mistakes: [] };
  const read = readHeadersFile(file, configFile);
  if ("headers" in read) return { headers: read.headers, mistakes: [] };
  return { headers: [], mistakes: [{ path, message: `${read.mistake} (got ${formatFound(file)})` }] };
}
