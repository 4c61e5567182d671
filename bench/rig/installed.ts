import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** True if the program is on PATH or where Debian keeps what serves. */
export function isInstalled(program: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/bin"];
  return folders.some((folder) => existsSync(join(folder, program)));
}
