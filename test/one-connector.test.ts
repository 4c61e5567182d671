import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";

// The guard judges addresses where connections are opened: in one file. Everybody else gets connections from there. This
// test reads the source; test/integration/one-connector.test.ts watches the program.

const CONNECTOR = "upstream/connect.ts";

/** Clients of the proxy itself, for `pullmeter demo` and its like: they are never part of a proxy that serves. */
const CLIENTS_OF_THE_PROXY = /^(?:demo\/|cli\/(?:demo|watch)\b)/;

/** What may be imported, as a value, from modules that can connect: it opens no connection by itself. */
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  "node:net": ["BlockList", "Server", "Socket", "createServer", "isIP", "isIPv4", "isIPv6"],
  "node:tls": ["Server", "TLSSocket", "createSecureContext", "createServer", "getCACertificates", "rootCertificates"],
  "node:http": ["STATUS_CODES", "Server", "ServerResponse", "createServer"],
  "node:https": ["Server", "createServer"],
  "node:http2": [],
  "node:dns": [],
  "node:dgram": [],
  undici: [],
};

/** Hands on what it loads of `node:http`: whoever imports from it is judged as if from there. */
const HANDS_ON = "node-http.ts";

/** Pools, and the system's way to resolve names; in both files every connection is made by the connector. */
const JOINED: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "upstream/connections.ts": { "node:http": ["Agent"], "node:https": ["Agent"], undici: ["Agent"] },
  "upstream/upstream-client.ts": { "node:dns": ["lookup"] },
};

const IMPORT = /\bimport\s+([^;]*?)\s+from\s+"([^"]+)"|\bexport\s+([^;]*?)\s+from\s+"([^"]+)"/g;

/** A module that is loaded when it is needed. */
const LOADED = /(\{[^{}]*\})\s*=\s*\(?await import\("([^"]+)"\)|\bimport\("([^".][^"]*)"\)/g;

/** Ways to connect that need no import, or hide it. */
const HIDDEN = [
  /(?<![.\w#]|async )fetch\(/,
  /\bglobalThis\b/,
  /\bnew (?:WebSocket|EventSource|Socket|TLSSocket)\b/,
  /\b(?:createRequire|getBuiltinModule|require)\(/,
];

/** Everything in a file's text that could open a connection. */
function waysToConnect(file: string, text: string): string[] {
  const ways: string[] = [];
  for (const { clause, from } of importsIn(text)) {
    const module = moduleOf(from);
    const harmless = module && [...HARMLESS[module]!, ...(JOINED[file]?.[module] ?? [])];
    if (harmless === undefined) continue;
    const names = valuesIn(clause);
    ways.push(...names.filter((name) => !harmless.includes(name)).map((name) => `${name} of ${module}`));
  }
  ways.push(...HIDDEN.flatMap((pattern) => pattern.exec(text)?.[0] ?? []));
  return ways;
}

function importsIn(text: string): { readonly clause: string; readonly from: string }[] {
  const imports = [...text.matchAll(IMPORT)].map(([, imported, from, exported, exportedFrom]) => {
    return { clause: imported ?? exported ?? "", from: from ?? exportedFrom ?? "" };
  });
  const loaded = [...text.matchAll(LOADED)].map(([, names, from, fromAlone]) => {
    return { clause: names ?? "everything", from: from ?? fromAlone ?? "" };
  });
  return [...imports, ...loaded];
}

/** `node:dns/promises` is node:dns; a name without prefix is the same module. */
function moduleOf(specifier: string): string | undefined {
  if (specifier.endsWith(`/${HANDS_ON}`)) return "node:http";
  const name = specifier.split("/")[0] ?? "";
  return [name, `node:${name}`].find((known) => known in HARMLESS);
}

/** The names that an import clause takes as values; a default or a namespace is everything. */
function valuesIn(clause: string): string[] {
  if (clause.startsWith("type ")) return [];
  const [, named = ""] = /\{([^}]*)\}/s.exec(clause) ?? [];
  const everything = clause.replace(/\{[^}]*\}/s, "").replaceAll(/[\s,]/g, "") === "" ? [] : ["everything"];
  const names = named
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "));
  return [...everything, ...names.map((name) => name.split(/\s+as\s+|\s*:\s*/)[0]!)];
}

const SRC = join(import.meta.dirname, "..", "src");

function sourceFiles(): string[] {
  return readdirSync(SRC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(SRC, join(entry.parentPath, entry.name)));
}

test("only the connector can open a connection", () => {
  const found = sourceFiles()
    .filter((file) => file !== CONNECTOR && file !== HANDS_ON && !CLIENTS_OF_THE_PROXY.test(file))
    .flatMap((file) => waysToConnect(file, readFileSync(join(SRC, file), "utf8")).map((way) => `src/${file}: ${way}`));
  assert.deepEqual(found, []);
});

test("every pool gets its connections from the connector", () => {
  const text = readFileSync(join(SRC, "upstream/connections.ts"), "utf8");
  const pools = [...text.matchAll(/\bnew (?:Agent|Pool)\((\{\s*connect:)?/g)];
  assert.ok(pools.length > 0);
  for (const [made, connect] of pools) assert.ok(connect, made);
  assert.match(text, /\bnew Http(?:s)?Agent\(/);
  assert.match(text, /agent\.createConnection = /);
});

const BESIDE = {
  "a socket": 'import { connect } from "node:net";',
  "a socket under another name": 'import { isIP, connect as dial } from "net";',
  "a socket by hand": 'import { Socket } from "node:net";\nnew Socket().connect(80);',
  "a namespace": 'import * as tls from "node:tls";',
  "a default import": 'import http from "node:http";',
  "an agent elsewhere": 'import { Agent } from "node:https";',
  "a request of undici": 'import { request, type Dispatcher } from "undici";',
  "the global fetch": "const response = await fetch(url);",
  "the global fetch by its object": "await globalThis.fetch(url);",
  "a web socket": "new WebSocket(url);",
  "a request of what is handed on": 'import { request } from "../node-http.ts";',
  "a module that is loaded later": 'const { connect } = await import("node:net");',
  "a module that is loaded later, whole": 'const net = await import("node:net");',
  "a module that is loaded later, under another name": 'const { request: ask } = await import("undici");',
  "a look-up": 'import { lookup } from "node:dns/promises";',
  datagrams: 'import { createSocket } from "node:dgram";',
  "what another file exports again": 'export { connect } from "node:net";',
};

for (const [name, text] of Object.entries(BESIDE)) {
  test(`${name} beside the connector is found`, () => {
    assert.equal(waysToConnect("proxy/new.ts", text).length, 1);
  });
}

test("types, servers and questions about addresses are no connections", () => {
  const text =
    'import { isIP, type Socket } from "node:net";\nimport type { Agent } from "undici";\nclient.fetch(url);';
  assert.deepEqual(waysToConnect("proxy/new.ts", text), []);
});
