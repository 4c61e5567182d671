import type { IncomingMessage, ServerResponse } from "node:http";

/** Looks so often within the time: a client is cut off a quarter of it late at most. */
const LOOKS = 4;

/**
 * Calls `cut` once if a client stops in the middle of its request's body. One that is not read from, because the
 * registry takes no more, is not at fault: its time begins anew. Not by the socket's own timeout: Node.js sets that to
 * the time for idle connections as soon as a response is over, and a registry may answer before it has everything.
 */
export function watchSilentBody(
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  timeoutMs: number,
  cut: () => void,
): void {
  if (request.complete) return;
  const { socket } = request;
  let bytes = socket.bytesRead;
  let silentLooks = 0;
  const timer = setInterval(() => {
    if (request.complete) return stop();
    const isNotRead = request.isPaused() && !response.writableEnded;
    silentLooks = isNotRead || socket.bytesRead !== bytes ? 0 : silentLooks + 1;
    bytes = socket.bytesRead;
    if (silentLooks < LOOKS) return;
    stop();
    cut();
  }, timeoutMs / LOOKS);
  const stop = (): void => {
    clearInterval(timer);
    request.off("end", stop);
    socket.off("close", stop);
  };
  request.once("end", stop);
  socket.once("close", stop);
}
