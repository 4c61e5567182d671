import type { BoundListener } from "../proxy/listener.ts";
import type { TransferEvent } from "../pull/transfer-event.ts";
import type { PackedConfig, PackedProtection } from "./packed-config.ts";

// Everything that the primary and its workers tell each other.

export type ToWorker =
  | Start
  /** Other rules hold from now on. */
  | { readonly type: "reload"; readonly config: PackedConfig }
  | { readonly type: "protect"; readonly listener: string; readonly protection: PackedProtection }
  /** Refuse what begins, serve what is under way, and end. */
  | { readonly type: "drain"; readonly timeoutMs: number; readonly quietMs: number }
  /** While draining: whether there is anything to wait for, in whichever worker. */
  | { readonly type: "any-under-way"; readonly isAny: boolean }
  /** Tell all events that happened so far, then `told` with the same number. */
  | { readonly type: "tell"; readonly question: number }
  /** Answers `is-under-way`. */
  | { readonly type: "under-way"; readonly question: number; readonly isUnderWay: boolean };

/** The first message: listen. */
export interface Start {
  readonly type: "start";
  readonly config: PackedConfig;
  /** The primary's `now()` when the machine's monotonic clock was 0. */
  readonly originMs: number;
  /** Makes the fingerprints of all workers comparable. */
  readonly salt: Uint8Array;
}

export type ToPrimary =
  /** It hears. */
  | { readonly type: "ready" }
  | { readonly type: "listening"; readonly listeners: readonly BoundListener[] }
  | { readonly type: "cannot-listen"; readonly problem: SystemProblem }
  /** What happened, in order, and until when that is everything. */
  | { readonly type: "events"; readonly events: readonly TransferEvent[]; readonly untilMs: number }
  | { readonly type: "told"; readonly question: number; readonly untilMs: number }
  /** While draining: is a pull of this repository under way, in whichever worker? */
  | {
      readonly type: "is-under-way";
      readonly question: number;
      readonly registry: string;
      readonly repository: string;
    }
  | { readonly type: "usage"; readonly usage: Usage }
  /** Its last message. */
  | { readonly type: "drained" };

/** What the system said: as much of an error as crosses to another process, and as whoever names the setting needs. */
export interface SystemProblem {
  readonly message: string;
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
}

/** What a worker takes of the machine. */
export interface Usage {
  readonly residentBytes: number;
  /** Since it began. */
  readonly cpuSeconds: number;
}
