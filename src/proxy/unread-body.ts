import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** 1 s, as for every client that is to read why it is turned away. */
const LINGER_MS = 1_000;

/**
 * What a client still sends after it was told that nobody wants it. It is read away for a moment, so that the client has
 * the answer and a small body spoils no connection; then the connection is closed (RFC 9112 §9.3).
 */
export function readAwayRest(request: IncomingMessage, socket: Socket): void {
  if (request.complete || socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  const stop = (): void => {
    clearTimeout(timer);
    request.off("end", stop);
    socket.off("close", stop);
  };
  request.once("end", stop);
  socket.once("close", stop);
  // It may still be on its way to a registry that reads no more.
  request.unpipe();
  request.resume();
}
