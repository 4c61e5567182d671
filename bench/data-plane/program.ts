import type { Upstream } from "../rig/upstream.ts";

/** A proxy that is measured. */
export interface Program {
  readonly name: string;
  readonly version: string;
  /** On which port it forwards to which side of the upstream. */
  readonly ports: Readonly<Record<Side, number>>;
  /** How its `tls` port is spoken to. Default: http. */
  readonly scheme?: "https";
  /** Roots of its processes. */
  readonly pids: readonly number[];
  /** From spawn to accepting, of the first of its processes. */
  readonly startMs: number;
  /** Makes it as if nothing had been fetched: for caches, before each run that is measured. */
  readonly forget?: () => Promise<void>;
  stop(): Promise<void>;
}

export const SIDES = ["tls", "plain"] as const;

/** The upstream with TLS or without. */
export type Side = (typeof SIDES)[number];

export interface StartOptions {
  /** For its configuration, log and data. */
  readonly folder: string;
  readonly upstream: Upstream;
}

/** How to start a program, and what it cannot do. */
export interface Candidate {
  readonly name: string;
  /** Why it cannot run here; undefined if it can. */
  missing(): string | undefined;
  /** Why it has no part in a workload; undefined if it has. */
  excluded?(workload: string): string | undefined;
  start(options: StartOptions): Promise<Program>;
}
