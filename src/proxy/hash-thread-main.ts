import { createHash, type Hash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";

/** What the thread is told of blob `id`. */
export type HashOrder =
  | { readonly id: number; readonly action: "add"; readonly bytes: Uint8Array }
  | { readonly id: number; readonly action: "end" | "drop" };

/** SHA-256 of blob `id`. */
export interface HashAnswer {
  readonly id: number;
  readonly hex: string;
}

const pendingBytes: unknown = workerData;
const hashes = new Map<number, Hash>();

parentPort?.on("message", (order: HashOrder) => {
  const hash = hashes.get(order.id) ?? createHash("sha256");
  if (order.action === "add") {
    hashes.set(order.id, hash.update(order.bytes));
    if (pendingBytes instanceof Int32Array) Atomics.sub(pendingBytes, 0, order.bytes.length);
    return;
  }
  hashes.delete(order.id);
  if (order.action === "drop") return;
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a MessagePort has no origin
  parentPort?.postMessage({ id: order.id, hex: hash.digest("hex") } satisfies HashAnswer);
});
