import type { Transfer } from "./transfer.ts";

// `errorIfNotReconnecting` in docker/body_reader.go of https://github.com/containers/image
/** A later cut of a blob is resumed only if so much arrived since the resume before, */
const PROGRESS_BYTES = 1024 * 1024;
/** or if that was so long ago. */
const PATIENCE_MS = 60_000;

/** True if containers/image does not go on after this cut: the first cut of a blob is always resumed. */
export function isCutForGood({ content, rangeStart, startMs }: Transfer, nowMs: number): boolean {
  if (rangeStart === 0 || content?.cutMs === undefined) return false;
  return content.offset - rangeStart < PROGRESS_BYTES && nowMs - startMs < PATIENCE_MS;
}
