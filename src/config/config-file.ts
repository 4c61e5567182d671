import { readFileSync } from "node:fs";
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Document, YAMLError } from "yaml";
import type { Problem } from "./problem.ts";

/** What a configuration file says, and where. */
export interface ConfigFile {
  readonly value: unknown;
  /** Mistakes in the YAML itself. */
  readonly problems: readonly Problem[];
  /** Line of the value at a path, counted from 1; of what is nearest above it where there is none. */
  lineOf(path: readonly PropertyKey[]): number;
}

/** 1 MiB: a configuration has some hundred lines; this is another file. */
const MAX_FILE_BYTES = 1_048_576;

/** Reads a file of YAML 1.2. Never throws: a file that cannot be read is a problem at line 1. */
export function readConfigFile(file: string): ConfigFile {
  let text;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return unreadable(file, `cannot be read; expected a YAML file (${codeOf(error)})`);
  }
  if (text.length > MAX_FILE_BYTES) return unreadable(file, "too large; expected at most 1 MiB of YAML");
  return parseConfigFile(file, text);
}

/** Error code of a failed system call, such as ENOENT. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error);
}

function unreadable(file: string, message: string): ConfigFile {
  return { value: undefined, problems: [{ where: file, order: 0, path: [], message }], lineOf: () => 1 };
}

function parseConfigFile(file: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { version: "1.2", prettyErrors: false, lineCounter: lines });
  const syntaxError = document.errors.find((error) => error.code !== "DUPLICATE_KEY");
  // Behind a mistake in the syntax everything is a guess.
  const errors = syntaxError === undefined ? [...document.errors, ...document.warnings] : [syntaxError];
  const problems = errors.map((error): Problem => {
    const { line } = lines.linePos(error.pos[0]);
    return { where: `${file}:${line}`, order: line, ...describeYamlError(document, error) };
  });
  if (syntaxError === undefined && hasTooManyAliases(document))
    return unreadable(file, `too many aliases; expected at most ${MAX_ALIASES}`);
  const expanded = syntaxError === undefined ? toValue(document) : { value: undefined };
  if (expanded === undefined) {
    const where = `${file}:${lines.linePos(lastAliasOf(document)).line}`;
    const message = "aliases of aliases multiply; expected values that stand for themselves";
    return { value: undefined, problems: [{ where, order: 0, path: [], message }], lineOf: () => 1 };
  }
  return {
    value: expanded.value,
    problems,
    lineOf: (path) => lines.linePos(offsetOf(document, path)).line,
  };
}

/** 100 aliases: more than any configuration needs, too few for one that multiplies itself. */
const MAX_ALIASES = 100;

function hasTooManyAliases(document: Document): boolean {
  let count = 0;
  visit(document, { Alias: () => void (count += 1) });
  return count > MAX_ALIASES;
}

/** A file with nothing but comments is an empty mapping. Undefined if its aliases multiply. */
function toValue(document: Document): { readonly value: unknown } | undefined {
  try {
    return { value: document.contents === null ? {} : document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (error) {
    // What the library throws for that, and for nothing else of a document without errors.
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

function lastAliasOf(document: Document): number {
  let offset = 0;
  visit(document, { Alias: (_, alias) => void (offset = startOf(alias) ?? offset) });
  return offset;
}

function describeYamlError(document: Document, error: YAMLError): Pick<Problem, "path" | "message"> {
  if (error.code === "MULTIPLE_DOCS") return { path: [], message: "more than one document; expected no --- line" };
  if (error.code !== "DUPLICATE_KEY") return { path: [], message: `not YAML; ${error.message}` };
  return { path: pathTo(document, error.pos[0]), message: "duplicate key; expected each key once" };
}

/** The path of the key that is written at an offset. */
function pathTo(document: Document, offset: number): readonly PropertyKey[] {
  let path: readonly PropertyKey[] = [];
  visit(document, {
    Pair(_, pair, ancestors) {
      if (startOf(pair.key) !== offset) return undefined;
      path = [...ancestors, pair].flatMap((node, index, nodes) => keyWithin(node, nodes[index + 1]));
      return visit.BREAK;
    },
  });
  return path;
}

function keyWithin(node: unknown, child: unknown): readonly PropertyKey[] {
  if (isPair(node)) return isScalar(node.key) ? [String(node.key.value)] : [];
  return isSeq(node) ? [node.items.indexOf(child)] : [];
}

/** Offset of the key (in a mapping) or the item (in a list) that a path leads to, as far as it leads anywhere. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of path) {
    const container = isAlias(node) ? node.resolve(document) : node;
    if (isMap(container)) {
      // Of a duplicate key, which is a mistake of its own, the last value counts.
      const pair = container.items.findLast((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(container)) {
      node = container.items[Number(key)];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}
