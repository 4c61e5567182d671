import type { UpstreamBody } from "./exchange.ts";

/** 64 KiB: the body of a redirect is a few hundred bytes; a new connection costs less than reading more than this. */
export const MAX_DISCARDED_BYTES = 64 * 1024;

/** 1 s: what is not here by then is not worth the wait either. */
const DISCARD_MS = 1_000;

/** Reads a short rest that nobody wants, so that its connection can be used again; `cut` ends one that is not short. */
export function readAway(deliver: UpstreamBody["deliver"], cut: () => void): void {
  let bytes = 0;
  const timer = setTimeout(cut, DISCARD_MS).unref();
  deliver((chunk) => {
    bytes += chunk.length;
    if (bytes > MAX_DISCARDED_BYTES) cut();
    return true;
  })
    .catch(() => {})
    .finally(() => clearTimeout(timer));
}
