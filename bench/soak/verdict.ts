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
 * What may grow from one end of the load to the other, by the line through its samples. The heap is sampled after a
 * collection and moves by some megabytes with the pulls under way; resident memory as well with what the allocator keeps.
 * A leak of one kilobyte per pull passes 8 MiB within two minutes at 100 pulls per second.
 */
const MAX_GROWTH_BYTES = { heapBytes: 8 * MEBIBYTE, residentBytes: 64 * MEBIBYTE } as const;
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
  for (const key of ["heapBytes", "residentBytes"] as const) {
    const { grown } = growthOf(during, key);
    if (grown > MAX_GROWTH_BYTES[key]) lines.push(`${key} grew by ${mebibytes(grown)} under load`);
    const more = after[key] - before[key];
    if (more > MAX_GROWTH_BYTES[key]) lines.push(`${key} is ${mebibytes(more)} above the baseline at rest`);
  }
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
