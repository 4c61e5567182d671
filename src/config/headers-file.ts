import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { codeOf } from "./config-file.ts";

/** Headers of a file, names and values alternating, or why it cannot be used. */
export type HeadersFile = { readonly headers: readonly string[] } | { readonly mistake: string };

// RFC 9110 §5.6.2 and §5.5
const LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)[ \t]*$/;

/** Reads `NAME: VALUE` lines; a relative path starts at the folder of the configuration file. Never throws or shows a value. */
export function readHeadersFile(path: string, configFile: string | undefined): HeadersFile {
  let text;
  try {
    text = readFileSync(configFile === undefined ? path : resolve(dirname(configFile), path), "utf8");
  } catch (error) {
    return { mistake: `cannot be read; expected a file of headers (${codeOf(error)})` };
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const bad = lines.findIndex((line) => !LINE.test(line));
  if (bad !== -1) return { mistake: `header ${bad + 1} in it cannot be read; expected lines NAME: VALUE` };
  return { headers: lines.flatMap((line) => LINE.exec(line)?.slice(1) ?? []) };
}
