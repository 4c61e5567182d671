import { dirname, resolve } from "node:path";
import type { Protected } from "./config.ts";
import { listOf, valueAt } from "./conflicts.ts";
import { formatFound } from "./problem.ts";
import { readProtection, type ProtectionFiles } from "./protection-files.ts";
import type { Mistake } from "./validate.ts";

/** Reads what protects each listener, and the admin listener, as far as it is paths at all. */
export function readProtections(given: unknown, configFile: string | undefined) {
  const mistakes: Mistake[] = [];
  const read = (path: readonly PropertyKey[]): Protected => {
    const files = findFiles(valueAt(given, path), configFile);
    if (files === undefined) return {};
    const found = readProtection(files);
    for (const { path: below, message } of found.mistakes) {
      const key = [...path, ...below];
      mistakes.push({ path: key, message: `${message} (got ${formatFound(valueAt(given, key))})` });
    }
    return { files, protection: found.protection };
  };
  const listeners = listOf(given, "listeners").map((_, index) => read(["listeners", index]));
  return { listeners, admin: read(["admin"]), mistakes };
}

function findFiles(listener: unknown, configFile: string | undefined): ProtectionFiles | undefined {
  const at = (...path: readonly string[]): string | undefined => {
    const file = valueAt(listener, path);
    if (typeof file !== "string" || file === "" || file.includes("\0")) return undefined;
    return configFile === undefined ? resolve(file) : resolve(dirname(configFile), file);
  };
  const [certFile, keyFile, clientCaFile] = ["certFile", "keyFile", "clientCaFile"].map((key) => at("tls", key));
  const [basicFile, bearerFile] = ["basicFile", "bearerFile"].map((key) => at("auth", key));
  const hasTls = certFile !== undefined && keyFile !== undefined;
  const hasAuth = basicFile !== undefined || bearerFile !== undefined;
  if (!hasTls && !hasAuth) return undefined;
  return {
    ...(hasTls && { tls: { certFile, keyFile, ...(clientCaFile !== undefined && { clientCaFile }) } }),
    ...(hasAuth && {
      auth: { ...(basicFile !== undefined && { basicFile }), ...(bearerFile !== undefined && { bearerFile }) },
    }),
  };
}
