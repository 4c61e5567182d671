import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";

/** Arrows go down only: what each folder of src/ may import from the house and from outside. */
const MAY_IMPORT: Record<string, { house: readonly string[]; outside: readonly string[] }> = {
  oci: { house: [], outside: [] },
  pull: { house: ["oci"], outside: [] },
  "node-http.ts": { house: [], outside: ["node:module", "node:http"] },
  "turn-end.ts": { house: [], outside: [] },
  label: { house: [], outside: ["node:net", "psl"] },
  access: { house: [], outside: ["node:crypto", "node:net", "node:tls"] },
  config: { house: ["access", "oci"], outside: ["node:crypto", "node:fs", "node:net", "node:path", "yaml", "zod"] },
  upstream: { house: ["node-http.ts", "oci", "pull", "turn-end.ts"], outside: ["node:", "undici", "http-proxy"] },
  proxy: {
    house: ["access", "node-http.ts", "oci", "pull", "turn-end.ts", "upstream"],
    outside: ["node:", "http-proxy"],
  },
  exposition: { house: [], outside: [] },
  metrics: { house: ["oci", "pull", "label", "exposition"], outside: ["prom-client"] },
  log: { house: ["oci", "pull", "label"], outside: ["node:fs", "pino"] },
  traces: { house: ["oci", "pull", "log"], outside: ["node:crypto"] },
  admin: { house: ["access", "node-http.ts", "oci", "pull", "label", "log", "metrics"], outside: ["node:"] },
  demo: { house: ["oci", "pull"], outside: ["node:"] },
  wiring: {
    house: ["access", "admin", "config", "label", "log", "metrics", "proxy", "pull", "traces", "upstream"],
    outside: ["node:os"],
  },
  workers: {
    house: ["access", "config", "log", "metrics", "proxy", "pull", "wiring"],
    outside: ["node:cluster"],
  },
  cli: {
    house: ["access", "app.ts", "config", "demo", "label", "log", "metrics", "oci", "pull", "wiring", "workers"],
    outside: ["node:", "commander"],
  },
};

const SRC = join(import.meta.dirname, "..", "src");
const IMPORT = /(?:^|\n)\s*(?:import|export)\b[^;"]*?from "([^"]+)"|\bimport\("([^"]+)"\)|(?:^|\n)\s*import "([^"]+)"/g;

test("every import in src/ follows the table", () => {
  const wrong: string[] = [];
  for (const file of sourceFiles()) {
    const [folder = ""] = file.split("/");
    const rule = MAY_IMPORT[folder];
    if (file === "app.ts") continue;
    if (rule === undefined) {
      wrong.push(`src/${file}: folder "${folder}" is not in the table`);
      continue;
    }
    for (const target of importsOf(file)) {
      const allowed = target.startsWith(".")
        ? inHouse(file, target) === folder || rule.house.includes(inHouse(file, target))
        : rule.outside.some((name) => target === name || (name.endsWith(":") && target.startsWith(name)));
      if (!allowed) wrong.push(`src/${file} must not import "${target}"`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("what sends traces is loaded only when it is wanted", () => {
  const loading = sourceFiles().filter((file) =>
    /from "[^"]*\/(?:traces\/[^"]*|upstream\/post\.ts|post\.ts)"/.test(read(file)),
  );
  assert.deepEqual(loading, []);
  assert.match(read("wiring/traces.ts"), /import\("\.\.\/traces\/exporter\.ts"\)/);
});

test("what is served loads no fetch of Node.js: node:http is imported as types alone", () => {
  const loading = sourceFiles()
    .filter((file) => !file.startsWith("demo/"))
    .filter((file) => /(?:^|\n)import (?!type\b)[^;]*from "node:http"/.test(read(file)));
  assert.deepEqual(loading, []);
});

test("a worker loads nothing that reads configuration: it is told what the primary has read", () => {
  const loaded = loadedBy("cli/serve-as-worker.ts");
  assert.ok(loaded.has("proxy/server.ts"));
  assert.deepEqual(
    ["commander", "yaml", "zod", "config/schema.ts"].filter((each) => loaded.has(each)),
    [],
  );
});

test("only cli/ touches process", () => {
  const wrong = sourceFiles()
    .filter((file) => !file.startsWith("cli/"))
    .filter((file) => /(?<!-)\bprocess\.\w/.test(read(file)));
  assert.deepEqual(wrong, []);
});

test("the pure folders read no clock, no randomness and no globals of the runtime", () => {
  const impure = /\b(?:Date\.now|performance\.|Math\.random|setTimeout|setInterval|setImmediate|process\.\w|Buffer\.)/;
  const wrong = sourceFiles()
    .filter((file) => file.startsWith("oci/") || file.startsWith("pull/"))
    .filter((file) => impure.test(read(file)));
  assert.deepEqual(wrong, []);
});

function sourceFiles(): string[] {
  return readdirSync(SRC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(SRC, join(entry.parentPath, entry.name)));
}

function read(file: string): string {
  return readFileSync(join(SRC, file), "utf8");
}

function importsOf(file: string): string[] {
  return [...read(file).matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** All files and packages that are loaded with a file, itself among them; types are not loaded. */
function loadedBy(file: string, loaded = new Set<string>()): Set<string> {
  loaded.add(file);
  for (const [, target = ""] of read(file).matchAll(/(?:^|\n)(?:import|export) (?!type\b)[^;"]*?from "([^"]+)"/g)) {
    const next = target.startsWith(".") ? relative(SRC, join(SRC, file, "..", target)) : target;
    if (loaded.has(next)) continue;
    if (target.startsWith(".")) loadedBy(next, loaded);
    else loaded.add(next);
  }
  return loaded;
}

/** First path segment below src/ that a relative import leads to. */
function inHouse(file: string, target: string): string {
  return relative(SRC, join(SRC, file, "..", target)).split("/")[0] ?? "";
}
