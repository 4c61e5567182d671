import { fileState } from "../config/file-state.ts";

/** 2 s, and one more look until nothing changes any more: soon enough, and a file is not read while it is written. */
const LOOK_MS = 2_000;

export interface FileWatch {
  /** The files were read as they are now: that they differ from before is no news. */
  accept(): void;
  stop(): void;
}

/**
 * Calls `changed` when one of the files is another one than before. It looks, because nobody tells: Kubernetes swaps
 * a symbolic link above a ConfigMap's files, editors rename, and some file systems send no notice.
 */
export function watchFiles(files: () => readonly string[], changed: () => void, everyMs = LOOK_MS): FileWatch {
  let known = look(files());
  let seen = known;
  const timer = setInterval(() => {
    const now = look(files());
    const isStill = !differ(seen, now);
    seen = now;
    if (!isStill) return;
    const isNews = differ(known, now);
    known = now;
    if (isNews) changed();
  }, everyMs).unref();
  const accept = (): void => {
    known = look(files());
    seen = known;
  };
  return { accept, stop: () => clearInterval(timer) };
}

/** By file, what tells one state of it from another. */
function look(files: readonly string[]): ReadonlyMap<string, string> {
  return new Map(files.map((file) => [file, fileState(file)]));
}

/** A file that was not looked at before was just read. */
function differ(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): boolean {
  return [...after].some(([file, state]) => before.has(file) && before.get(file) !== state);
}
