import { slopeOf } from "./regression.ts";
import type { Sample } from "./sample.ts";

export interface Soaked {
  /** At rest, after the warm-up. */
  readonly before: Sample;
  /** Under load. */
  readonly during: readonly Sample[];
  /** At rest again. */
  readonly after: Sample;
}

const MEBIBYTE = 2 ** 20;

/**
 * What may grow. The heap is sampled after a collection, and moves by some megabytes with the pulls under way: a leak of
 * one kilobyte per pull passes 8 MiB within three minutes at 50 pulls per second.
 */
const MAX_HEAP_GROWTH_BYTES = 8 * MEBIBYTE;
/**
 * Resident memory rises until the allocator has kept what the largest moments needed, so that only the second half of the
 * load is judged, and the whole by a ceiling.
 */
const MAX_RESIDENT = { growthBytes: 64 * MEBIBYTE, bytes: 400 * MEBIBYTE } as const;
/** What may be more at rest than it was before: sockets of the bench's own samples. */
const SPARE = { descriptors: 4, resources: 8 } as const;

export interface Growth {
  readonly perHour: number;
  /** Over the load, by the line. */
  readonly grown: number;
}

export function growthOf(samples: readonly Sample[], key: keyof Sample): Growth {
  const perSecond = slopeOf(samples.map((sample) => ({ x: sample.atS, y: sample[key] })));
  const seconds = (samples.at(-1)?.atS ?? 0) - (samples[0]?.atS ?? 0);
  return { perHour: perSecond * 3600, grown: perSecond * seconds };
}

/** What grew, one line each. */
export function growing({ before, during, after }: Soaked): string[] {
  const lines: string[] = [];
  const heap = growthOf(during, "heapBytes").grown;
  if (heap > MAX_HEAP_GROWTH_BYTES) lines.push(`the heap grew by ${mebibytes(heap)} under load`);
  const held = after.heapBytes - before.heapBytes;
  if (held > MAX_HEAP_GROWTH_BYTES) lines.push(`the heap is ${mebibytes(held)} above the baseline at rest`);
  const resident = growthOf(during.slice(Math.floor(during.length / 2)), "residentBytes").grown;
  if (resident > MAX_RESIDENT.growthBytes)
    lines.push(`resident memory grew by ${mebibytes(resident)} in the second half of the load`);
  if (after.residentBytes > MAX_RESIDENT.bytes)
    lines.push(`resident memory is ${mebibytes(after.residentBytes)} at rest`);
  for (const key of ["descriptors", "resources"] as const) {
    if (after[key] > before[key] + SPARE[key]) lines.push(`${key}: ${after[key]} at rest, ${before[key]} before`);
  }
  for (const key of ["livePulls", "clientConnections"] as const) {
    if (after[key] !== 0) lines.push(`${key} is ${after[key]} at rest`);
  }
  return lines;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}
