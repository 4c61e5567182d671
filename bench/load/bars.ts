import type { LoadResult } from "./measure.ts";

export interface JudgedBar {
  readonly bar: string;
  readonly value: number;
  readonly most: number;
  readonly holds: boolean;
}

/** 250 ms: far below the second after which a kubelet counts a probe as failed. */
const MAX_P99_MS = 250;

/** Pooled connections to the upstream may stay; clients' may not. */
const MAX_SOCKETS_LEFT = 64;

/** From the first round to the last: what a round leaves behind, the next must be able to use. */
const MAX_GROWTH_MB = 64;

export function judgeLoad({ before, rounds }: LoadResult): readonly JudgedBar[] {
  const worst = (value: (round: LoadResult["rounds"][number]) => number): number => Math.max(...rounds.map(value));
  const growthMb = (rounds.at(-1)?.afterMb ?? Number.NaN) - (rounds[0]?.afterMb ?? Number.NaN);
  return [
    judge(
      "/metrics p99, ms",
      worst(({ metricsP99Ms }) => metricsP99Ms),
      MAX_P99_MS,
    ),
    judge(
      "/readyz p99, ms",
      worst(({ readyzP99Ms }) => readyzP99Ms),
      MAX_P99_MS,
    ),
    judge("sockets left", worst(({ afterSockets }) => afterSockets) - before.sockets, MAX_SOCKETS_LEFT),
    judge("RSS from the first round to the last, MB", growthMb, MAX_GROWTH_MB),
  ];
}

function judge(bar: string, value: number, most: number): JudgedBar {
  return { bar, value, most, holds: value <= most };
}
