import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** How a body goes out: at which pace, and how far. */
export interface BodyPlan {
  readonly bytesPerSecond?: number;
  /** The connection is closed after so many bytes; a shorter body is sent whole. */
  readonly cutAfterBytes?: number;
  /** Nothing more is sent after so many bytes, and the client ends the exchange; a shorter body is sent whole. */
  readonly stallAfterBytes?: number;
}

/** 64 KiB: small enough that a throttled body flows evenly, large enough to cost nothing. */
const SLICE_BYTES = 64 * 1024;

/** Sends `bytes` as the plan says; calls `sent` for each slice. Resolves when done or when the client went away. */
export async function sendBody(
  response: ServerResponse,
  bytes: Buffer,
  plan: BodyPlan,
  sent: (sliceBytes: number) => void,
): Promise<void> {
  const limit = Math.min(bytes.length, plan.cutAfterBytes ?? Infinity, plan.stallAfterBytes ?? Infinity);
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  if (response.destroyed) return;
  const startMs = performance.now();
  try {
    response.flushHeaders();
    for (let offset = 0; offset < limit; offset += SLICE_BYTES) {
      const slice = bytes.subarray(offset, Math.min(offset + SLICE_BYTES, limit));
      if (plan.bytesPerSecond !== undefined) {
        const dueMs = startMs + ((offset + slice.length) / plan.bytesPerSecond) * 1000;
        await sleep(Math.max(0, dueMs - performance.now()), undefined, { signal: gone.signal });
      }
      sent(slice.length);
      if (!response.write(slice)) await once(response, "drain", { signal: gone.signal });
    }
    if (limit === bytes.length) response.end();
    else if (limit === plan.cutAfterBytes) response.socket?.destroySoon();
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  }
}
