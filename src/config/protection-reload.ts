import type { Protection } from "../access/protection.ts";
import { fileState } from "./file-state.ts";
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
  /** State of each listener's files when they were read. */
  readonly #seen = new Map<ProtectedListener, string>();

  constructor(listeners: readonly ProtectedListener[], observer: ReloadObserver) {
    this.#listeners = listeners;
    this.#observer = observer;
    for (const listener of listeners) this.#seen.set(listener, fingerprintAll(listener));
  }

  /** Reads again what changed since it was read. */
  reloadIfChanged(): void {
    for (const listener of this.#listeners) {
      if (fingerprintAll(listener) !== this.#seen.get(listener)) this.#reload(listener);
    }
  }

  /** Reads everything again. */
  reload(): void {
    for (const listener of this.#listeners) this.#reload(listener);
  }

  /** A listener with a bad file stays as it is, whole. */
  #reload(listener: ProtectedListener): void {
    // Before reading: what changes meanwhile is seen the next time.
    this.#seen.set(listener, fingerprintAll(listener));
    const { protection, mistakes } = readProtection(listener.files);
    if (mistakes.length > 0) return this.#observer.kept(listener.name, mistakes);
    listener.protect(protection);
    this.#observer.reloaded(listener.name);
  }
}

function fingerprintAll({ files }: ProtectedListener): string {
  return listFiles(files).map(fileState).join("\n");
}
