import type { Digest } from "../oci/digest.ts";

/** Layers remembered per machine: a few large images and what they share. */
const MAX_DIGESTS = 2_048;
/** Deliveries remembered per layer: one by each process that pulls the same image at once. */
const MAX_PER_DIGEST = 8;

/**
 * When layers were delivered to the processes of one machine. They share a store but not their downloads: a process that
 * asks for no layer has the image on disk, unless the layers came from another process after it began.
 */
export class Deliveries {
  readonly #endsMs = new Map<Digest, number[]>();

  note(digest: Digest, nowMs: number): void {
    const ends = this.#endsMs.get(digest) ?? [];
    this.#endsMs.delete(digest);
    this.#endsMs.set(digest, [...ends.slice(1 - MAX_PER_DIGEST), nowMs]);
    const [oldest] = this.#endsMs.keys();
    if (this.#endsMs.size > MAX_DIGESTS && oldest !== undefined) this.#endsMs.delete(oldest);
  }

  /** True if the first delivery that is known ended in (fromMs, toMs]. */
  firstArrivedBetween(digest: Digest, fromMs: number, toMs: number): boolean {
    const [first] = this.#endsMs.get(digest) ?? [];
    return first !== undefined && first > fromMs && first <= toMs;
  }
}
