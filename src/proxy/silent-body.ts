import type { IncomingMessage } from "node:http";

/**
 * Calls `cut` if a client stops in the middle of its request's body. One that is not read from, because the registry
 * takes no more, is not at fault: its time begins anew.
 */
export function watchSilentBody(request: IncomingMessage, timeoutMs: number, cut: () => void): void {
  if (request.complete) return;
  const watch = (): void => void request.setTimeout(timeoutMs);
  request.on("timeout", () => {
    if (request.complete) return;
    if (request.isPaused()) watch();
    else cut();
  });
  // The response has times of its own.
  request.once("end", () => request.setTimeout(0));
  watch();
}
