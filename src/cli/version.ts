import { readFileSync } from "node:fs";

/** The version in package.json, which lies two folders up from src/cli and from dist/cli alike. */
export function readVersion(): string {
  const json: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const version = typeof json === "object" && json !== null && "version" in json ? json.version : undefined;
  return typeof version === "string" ? version : "unknown";
}
