import { statSync } from "node:fs";
import type { Protection } from "../access/protection.ts";
import { listFiles, readProtection, type FileMistake, type ProtectionFiles } from "./protection-files.ts";

/** A listener whose files may change while it listens. */
export interface ProtectedListener {
  readonly name: string;
  readonly files: ProtectionFiles;
  /** Takes what the files say now; connections that are open stay. */
  readonly protect: (protection: Protection) => void;
}

export interface ReloadObserver {
  reloaded(listener: string): void;
  /** The former content stays in use. */
  kept(listener: string, mistakes: readonly FileMistake[]): void;
}

/**
 * Keeps listeners as their files say. Asks for the files' state instead of being told: Kubernetes changes a mounted
 * Secret by swapping a link far above the file, which nothing that watches the file would notice.
 */
export class ProtectionReload {
  readonly #listeners: readonly ProtectedListener[];
  readonly #observer: ReloadObserver;
  #seen: string;

  constructor(listeners: readonly ProtectedListener[], observer: ReloadObserver) {
    this.#listeners = listeners;
    this.#observer = observer;
    this.#seen = this.#look();
  }

  /** Reads again if some file changed since it was read. */
  reloadIfChanged(): void {
    if (this.#look() !== this.#seen) this.reload();
  }

  /** Reads everything again. A listener with a bad file stays as it is, whole. */
  reload(): void {
    // Before reading: what changes meanwhile is seen the next time.
    this.#seen = this.#look();
    for (const { name, files, protect } of this.#listeners) {
      const { protection, mistakes } = readProtection(files);
      if (mistakes.length > 0) this.#observer.kept(name, mistakes);
      else {
        protect(protection);
        this.#observer.reloaded(name);
      }
    }
  }

  #look(): string {
    return this.#listeners.flatMap(({ files }) => listFiles(files).map(fingerprint)).join("\n");
  }
}

function fingerprint(file: string): string {
  const state = statSync(file, { throwIfNoEntry: false, bigint: true });
  return state === undefined ? "none" : `${state.dev} ${state.ino} ${state.size} ${state.mtimeNs} ${state.ctimeNs}`;
}
