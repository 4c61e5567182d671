import type { Machine } from "./machine.ts";

/** What one program did in one round of one workload, by measure. */
export type Sample = Readonly<Record<string, number>>;

/** All rounds of one program in one workload, in the order in which they were run. */
export interface Series {
  readonly workload: string;
  readonly program: string;
  readonly rounds: Sample[];
}

/** Something that was not measured, and why. */
export interface Skipped {
  readonly program: string;
  /** Absent: all of them. */
  readonly workload?: string;
  readonly reason: string;
}

/** One run of the data-plane bench, as it is kept in JSON. */
export interface Results {
  readonly takenAt: string;
  readonly machine: Machine;
  readonly upstream: string;
  readonly options: { readonly rounds: number; readonly sizeMib: number; readonly short: boolean };
  /** Of each program, in the order of the tables. */
  readonly versions: Readonly<Record<string, string>>;
  readonly skipped: readonly Skipped[];
  readonly series: readonly Series[];
}

/** The values of one measure, round by round; empty if there are none. */
export function valuesOf(results: Results, workload: string, program: string, measure: string): readonly number[] {
  const series = results.series.find((each) => each.workload === workload && each.program === program);
  return (series?.rounds ?? []).flatMap((round) => round[measure] ?? []);
}
