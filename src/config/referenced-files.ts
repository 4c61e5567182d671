import { dirname, resolve } from "node:path";
import type { Settings } from "./schema.ts";

/** The configuration file, and those that it names: who reads it again must look at all of them. */
export function referencedFiles(settings: Settings, configFile: string | undefined): readonly string[] {
  const caFiles = Object.values(settings.registries).map(({ caFile }) => caFile);
  const named = [...caFiles, settings.traces.headersFile, settings.push.headersFile];
  const folder = configFile === undefined ? "" : dirname(configFile);
  return [configFile, ...named.map((file) => (file === undefined ? undefined : resolve(folder, file)))].filter(
    (file) => file !== undefined,
  );
}
