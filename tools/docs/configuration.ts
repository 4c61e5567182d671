// Prints docs/configuration.md from src/config/schema.ts.
import { settingsJsonSchema } from "../../src/config/schema.ts";
import { listSettings, printValue, type Setting } from "../../src/config/setting.ts";
import { WELL_KNOWN_REGISTRIES } from "../../src/config/well-known.ts";

type JsonSchema = Exclude<ReturnType<typeof settingsJsonSchema>, boolean>;

const INTRODUCTION = `# Configuration

<!-- Generated from src/config/schema.ts by "npm run docs": edit there. -->

Nothing needs to be configured. What is, comes from flags, environment variables and one YAML file; a flag wins over a
variable, a variable over the file, the file over the default. The file is named by \`--config\` or \`PULLMETER_CONFIG\`.

\`pullmeter check-config\` takes what \`pullmeter serve\` takes, and prints what would be used and where each setting comes
from, or everything that is wrong, each with its file and line, variable or flag. An unknown key, variable or flag is
wrong. Exit code 2 says so. \`pullmeter check-config --schema\` prints a JSON Schema for editors.

\`\`\`yaml
listeners:
  - address: 127.0.0.1:5000 # requests say which registry they mean
  - address: 127.0.0.1:5001
    registry: docker.io
registries:
  registry.internal:5000:
    upstream: http://10.0.0.7:5000
allowRegistries: ["*.example.com"]
timeouts: { drain: 10s }
\`\`\`

- **Durations** are written as in Go: \`500ms\`, \`5s\`, \`1m30s\`.
- **Addresses** are \`HOST:PORT\`, \`:PORT\` for every address of the machine, \`[IPV6]:PORT\`.
- **Registries** are \`HOST\` or \`HOST:PORT\` as images name them, in lower case.
- **Variables** with several values separate them by commas. An empty variable counts as none.
- Listeners given by flags or by the variable replace those of the file; registries join them.
`;

const PROXIES = `## Proxies between pullmeter and registries

\`HTTPS_PROXY\` is used for https upstreams, \`HTTP_PROXY\` for http upstreams, unless \`NO_PROXY\` lists the upstream's host:
a name (with those below it), \`.name\` (only those below it), an address, a network such as \`10.0.0.0/8\`, each with or
without a port; \`*\` is everything. Upstreams on this machine are never reached through them. A registry's own \`proxy\`
goes before all of this.
`;

/** The whole page. */
export function configurationPage(): string {
  const { properties = {} } = settingsJsonSchema();
  const groups = Object.entries(properties).filter(
    (entry): entry is [string, JsonSchema] => typeof entry[1] === "object",
  );
  const single = groups.filter(([, schema]) => schema.properties === undefined);
  const nested = groups.filter(([, schema]) => schema.properties !== undefined);
  return [
    INTRODUCTION,
    section("Settings", "", settingsTable(single.map(([key]) => key))),
    ...groups.flatMap(([key, schema]) => elementSection(key, schema)),
    ...nested.map(([key, schema]) => section(`\`${key}\``, schema.description ?? "", settingsTable([key]))),
    PROXIES,
    section(
      "Built-in registries",
      "Reachable without being configured, unless `wellKnownRegistries` is false.",
      table(
        ["registry", "who runs it", "upstream"],
        WELL_KNOWN_REGISTRIES.map(({ pattern, operator, upstream = "itself" }) => [
          `\`${pattern}\``,
          operator,
          upstream,
        ]),
      ),
    ),
  ].join("\n");
}

/** Settings of each entry of a list or mapping. */
function elementSection(key: string, schema: JsonSchema): string[] {
  const element = schema.items ?? schema.additionalProperties;
  if (typeof element !== "object" || Array.isArray(element) || element.properties === undefined) return [];
  const rows = Object.entries(element.properties).map(([name, value]) => {
    const property: JsonSchema = typeof value === "boolean" ? {} : value;
    const required = element.required?.includes(name) === true ? "required" : defaultOf(property.default);
    return [`\`${name}\``, required, describe(property)];
  });
  const where = schema.type === "array" ? `\`${key}[…]\`` : `\`${key}["HOST"]\``;
  return [section(where, schema.description ?? "", table(["key", "default", "what it does"], rows))];
}

function settingsTable(keys: readonly string[]): string {
  const settings = listSettings().filter((setting) => keys.includes(setting.path[0] ?? ""));
  const rows = settings.map((setting) => [
    `\`${setting.path.join(".")}\``,
    setting.argument.includes("[=") ? "see below" : defaultOf(setting.fallback),
    `\`${setting.flag}\`<br>\`${setting.variable}\``,
    describeSetting(setting),
  ]);
  return table(["key", "default", "flag and variable", "what it does"], rows);
}

function describeSetting(setting: Setting): string {
  const values = setting.argument.includes("|") ? `One of ${choices(setting.argument.split("|"))}. ` : "";
  const argument = setting.repeatable ? `\`${setting.flag} ${setting.argument}\`: ` : "";
  return argument + values + setting.description;
}

function describe(property: JsonSchema): string {
  const values = property.enum === undefined ? "" : `One of ${choices(property.enum.map(String))}. `;
  return values + (property.description ?? "");
}

function choices(values: readonly string[]): string {
  return values.map((value) => `\`${value}\``).join(", ");
}

function defaultOf(value: unknown): string {
  if (value === undefined) return "";
  return Array.isArray(value) ? "none" : `\`${printValue(value)}\``;
}

function section(title: string, text: string, body: string): string {
  return [`## ${title}`, "", ...(text === "" ? [] : [text, ""]), body, ""].join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
