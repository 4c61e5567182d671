// Writes what the chart says about its values from where they are defined:
//   helm/pullmeter/README.md            the table, from values.yaml and its comments
//   helm/pullmeter/values.schema.json   `config`, from src/config/schema.ts
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { settingsJsonSchema } from "../../src/config/schema.ts";
import { documentedValues } from "./chart-values.ts";

const CHART = join(import.meta.dirname, "..", "..", "helm", "pullmeter");

function valueAt(values: unknown, path: string): unknown {
  let value = values;
  for (const key of path.split(".")) value = (value as Record<string, unknown>)[key];
  return value;
}

/** A default too long for a cell is left to values.yaml. 80: characters that still fit beside the description. */
function defaultOf(value: unknown): string {
  const json = JSON.stringify(value);
  return json.length <= 80 ? `\`${json}\`` : "see values.yaml";
}

function valuesTable(): string {
  const yaml = readFileSync(join(CHART, "values.yaml"), "utf8");
  const values: unknown = parse(yaml);
  const rows = documentedValues(yaml).map(
    ({ path, description }) => `| \`${path}\` | ${defaultOf(valueAt(values, path))} | ${description} |`,
  );
  return ["| value | default | what it is |", "| --- | --- | --- |", ...rows].join("\n");
}

function writeReadme(): void {
  const file = join(CHART, "README.md");
  const text = readFileSync(file, "utf8");
  const between = /(<!-- values: begin[^>]*-->\n)[^]*(\n<!-- values: end -->)/;
  if (!between.test(text)) throw new Error(`${file} has no place for the table of values`);
  writeFileSync(
    file,
    text.replace(between, (_, begin: string, end: string) => `${begin}\n${valuesTable()}\n${end}`),
  );
}

/** What the program accepts, and what the templates need to read beside it: addresses with a port. */
function configSchema(): Record<string, unknown> {
  const { $schema: _, ...settings } = settingsJsonSchema();
  const address = { type: "string", pattern: ":[1-9][0-9]{0,4}$" };
  return {
    allOf: [settings],
    required: ["admin", "listeners"],
    properties: {
      admin: { required: ["address"], properties: { address } },
      listeners: { items: { properties: { address } } },
    },
  };
}

function writeSchema(): void {
  const file = join(CHART, "values.schema.json");
  const schema = JSON.parse(readFileSync(file, "utf8")) as { properties: Record<string, unknown> };
  schema.properties["config"] = configSchema();
  writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
}

writeReadme();
writeSchema();
