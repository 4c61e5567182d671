import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Memory that is a file system, so that no disk is measured. */
const SHARED_MEMORY = "/dev/shm";

/** A folder for one run, and how it is removed. */
export function makeWorkspace(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir(), "pullmeter-bench-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Ctrl-C as well: these are gigabytes.
  const removeAndEnd = (): never => {
    remove();
    process.exit(130);
  };
  process.once("SIGINT", removeAndEnd).once("SIGTERM", removeAndEnd);
  return {
    folder,
    remove: () => {
      process.off("SIGINT", removeAndEnd).off("SIGTERM", removeAndEnd);
      remove();
    },
  };
}
