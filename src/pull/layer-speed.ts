import type { FinishedBlob } from "./pull-event.ts";

/** 1 MB: a smaller layer has arrived before its connection is up to speed. */
const MIN_BYTES = 1_000_000;

/** Bytes per second from the head of the response to the last byte. Undefined if one response did not bring it all. */
export function bytesPerSecond(blob: FinishedBlob): number | undefined {
  const { deliveredBytes, done, requests, firstByteMs, endMs } = blob;
  if (!done || requests !== 1 || deliveredBytes === 0 || firstByteMs === undefined || endMs <= firstByteMs) return;
  return (deliveredBytes / (endMs - firstByteMs)) * 1000;
}

/** The same, of a layer that is big enough for its speed to be that of the network. */
export function layerThroughput(blob: FinishedBlob): number | undefined {
  return blob.role === "layer" && blob.deliveredBytes >= MIN_BYTES ? bytesPerSecond(blob) : undefined;
}

/** The layer that took longest from its first request to its last byte. */
export function slowestLayer(blobs: readonly FinishedBlob[]): FinishedBlob | undefined {
  let slowest: FinishedBlob | undefined;
  for (const blob of blobs) {
    if (blob.role !== "layer") continue;
    if (slowest === undefined || blob.endMs - blob.startMs > slowest.endMs - slowest.startMs) slowest = blob;
  }
  return slowest;
}
