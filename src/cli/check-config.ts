import type { Protection } from "../access/protection.ts";
import { formatAddress } from "../config/address.ts";
import { formatDuration } from "../config/duration.ts";
import { createFindRegistry, type ReachableRegistry } from "../config/find-registry.ts";
import { valueAt } from "../config/conflicts.ts";
import type { Config, ListenerConfig } from "../config/config.ts";
import type { LoadedConfig } from "../config/load.ts";
import { toMetricsOptions } from "../config/metrics-options.ts";
import { settingsJsonSchema } from "../config/schema.ts";
import { listSettings, printValue, type Setting } from "../config/setting.ts";
import { seriesBound } from "../metrics/series-bound.ts";
import { findWarnings } from "../wiring/warnings.ts";

/** Prints what `serve` would do with this configuration: listeners, registries, and where each setting comes from. */
export function describeConfig(loaded: LoadedConfig): string {
  return [
    "Listeners:",
    ...table(listenerRows(loaded)),
    "",
    "Registries that requests may name:",
    ...table(registryRows(loaded)),
    "",
    `Metrics: at most ${seriesBound(toMetricsOptions(loaded.config))} series, whatever clients ask for.`,
    "",
    "Settings:",
    ...table(
      listSettings()
        .filter(isScalar)
        .map((setting) => settingRow(setting, loaded)),
    ),
    ...warningLines(loaded),
    "",
  ].join("\n");
}

/** Prints the JSON Schema of the configuration file, for editors. */
export function describeSchema(): string {
  return `${JSON.stringify(settingsJsonSchema(), undefined, 2)}\n`;
}

function listenerRows({ config }: LoadedConfig): readonly (readonly string[])[] {
  const find = createFindRegistry(config);
  const rows = config.listeners.map((listener) => {
    const { name, address, registry, protection } = listener;
    const reachable = registry === undefined ? undefined : find(registry);
    return [
      name,
      formatAddress(address),
      reachable === undefined ? "the registry that a request names" : describe(reachable),
      [...describeProtection(protection), ...describeOwn(listener, config)].join(", "),
    ];
  });
  const { address, protection } = config.admin;
  const guards = describeProtection(protection).join(", ");
  return [...rows, ["admin", formatAddress(address), "metrics, health and pulls", guards]];
}

function describeProtection({ tls, credentials }: Protection = {}): readonly string[] {
  return [
    ...(tls === undefined ? [] : ["TLS"]),
    ...(tls?.clientCa === undefined ? [] : ["client certificates"]),
    ...(credentials === undefined ? [] : ["passwords or tokens"]),
  ];
}

const OVERRIDABLE = ["isolation", "trigger", "allowPush", "peerIdentity"] as const;

/** What a listener does otherwise than the settings below say. */
function describeOwn(listener: ListenerConfig, config: Config): readonly string[] {
  const own = OVERRIDABLE.filter((key) => listener[key] !== config[key]);
  return [
    ...own.map((key) => `${key} ${String(listener[key])}`),
    ...(listener.tokens === "relay" ? ["tokens relay"] : []),
  ];
}

function registryRows({ config }: LoadedConfig): readonly (readonly string[])[] {
  const find = createFindRegistry(config);
  const configured = [...config.registries].map(([registry, { verifyBlobs }]) => {
    const reachable = find(registry);
    const own = verifyBlobs === undefined ? "" : `verifyBlobs ${verifyBlobs}`;
    return [registry, reachable === undefined ? "" : describe(reachable), own];
  });
  const patterns = config.allowRegistries.map((pattern) => [pattern, "allowed by pattern"]);
  const builtIn = [["(built-in list)", config.wellKnownRegistries ? "allowed" : "not allowed"]];
  return [...configured, ...patterns, ...builtIn];
}

function describe(reachable: ReachableRegistry): string {
  const { origin, proxy, ca, redirects, allowPrivateAddresses, privateRedirectHosts } = reachable;
  const details = [
    ...(proxy === undefined ? [] : [`through proxy ${proxy.origin}`]),
    ...(ca === undefined ? [] : ["own certificates"]),
    ...(redirects === "pass" ? ["redirects passed"] : []),
    ...(allowPrivateAddresses ? ["private addresses allowed"] : []),
    ...(privateRedirectHosts.length > 0 ? [`redirects may lead to ${privateRedirectHosts.join(" ")}`] : []),
  ];
  return [origin.origin, ...details].join(", ");
}

/** What is no list and no mapping; those have their own tables. */
function isScalar(setting: Setting): boolean {
  return !setting.repeatable;
}

/** What `serve` would warn of when it starts. */
function warningLines({ config }: LoadedConfig): readonly string[] {
  const warnings = findWarnings(config);
  if (warnings.length === 0) return [];
  return [
    "",
    "Warnings:",
    ...warnings.map(({ message, about }) => `  ${Object.values(about).flat().join(", ")}: ${message}`),
  ];
}

function settingRow(setting: Setting, { settings, originOf }: LoadedConfig): readonly string[] {
  return [setting.path.join("."), formatValue(setting, valueAt(settings, setting.path)), originOf(setting.path)];
}

function formatValue(setting: Setting, value: unknown): string {
  if (value === undefined) return "(not set)";
  if (typeof value === "object" && value !== null && "host" in value && "port" in value) {
    return formatAddress({ host: String(value.host), port: Number(value.port) });
  }
  // A number that users write as a text is a duration.
  return typeof value === "number" && typeof setting.fallback === "string" ? formatDuration(value) : printValue(value);
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
}
