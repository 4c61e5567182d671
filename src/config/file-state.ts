import { statSync } from "node:fs";
import { codeOf } from "./config-file.ts";

/** What tells one state of a file from another; links are followed, so that a swapped link is another state. Never throws. */
export function fileState(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return codeOf(error);
  }
}
