import type { TransferEvent, TransferStarted } from "../../../src/pull/transfer-event.ts";

/** Events as workers tell them, with as little in them as matters. */
export function opened(connection: number, atMs: number): TransferEvent {
  return { type: "connection-opened", atMs, connection, listener: "shared", remoteAddress: "::1" };
}

export function closed(connection: number, atMs: number): TransferEvent {
  return { type: "connection-closed", atMs, connection };
}

export function started(transfer: number, connection: number, atMs: number): TransferStarted {
  return {
    type: "started",
    atMs,
    transfer,
    connection,
    listener: "shared",
    remoteAddress: "::1",
    registry: "registry.test",
    method: "GET",
    route: { kind: "ping" },
    userAgent: "",
    accept: "",
    credentials: "none",
    forwarded: false,
  };
}

export function finished(transfer: number, atMs: number): TransferEvent {
  return { type: "finished", atMs, transfer, bytes: 0 };
}
