import type { Digest } from "../oci/digest.ts";
import type { RateLimit } from "../oci/rate-limit.ts";
import type { AuthKind } from "./credentials.ts";
import type { Phases } from "./phases.ts";
import type { Trigger } from "./transfer-event.ts";
import type { Cause, Status } from "./outcome.ts";
import type { PullState } from "./pull-state.ts";

/** What the tracker tells: a pull began or ended, a request belongs to no pull, a bound was hit. */
export type PullEvent =
  | { readonly type: "pull-started"; readonly id: string; readonly registry: string }
  | { readonly type: "pull-finished"; readonly pull: FinishedPull }
  | { readonly type: "unassigned"; readonly reason: UnassignedReason; readonly registry: string }
  | { readonly type: "bound-hit"; readonly bound: Bound };

/** Receives what the tracker tells, in order. Never throws. */
export type PullObserver = (event: PullEvent) => void;

/** Why a request belongs to no pull. */
export type UnassignedReason =
  /** A blob that no live pull can have asked for: a lazy read, or the tail of a pull older than this process. */
  | "no_pull"
  /** A tool that only looks (`skopeo inspect`, `crane digest`). */
  | "inspection"
  /** A signature, attestation or referrers look-up without a live pull beside it. */
  | "side_lookup"
  /** A request of a client that pushes to this repository. */
  | "push"
  /** Tags, catalog and other endpoints. */
  | "other"
  /** A ping that no pull followed. */
  | "unclaimed_ping";

/** The bounds that keep the tracker's memory finite. */
export type Bound = "pulls" | "blobs" | "connections" | "transfers" | "pings" | "manifests" | "clients";

/** How a pull without a layer request looked on the wire. */
export type OnDiskKind = "head_only" | "ping_head" | "manifest_only" | "config_only";

/** How the tracker knew that the pull was over. */
export type EndRule = "settled" | "connections_closed" | "failed" | "capped" | "flushed" | "dropped";

/** One pull, complete. Times are milliseconds since the Unix epoch. */
export interface FinishedPull {
  /** Unique, sortable by start. */
  readonly id: string;
  readonly registry: string;
  readonly repository: string;
  /** Tag or digest as first asked for. */
  readonly reference: string;
  readonly listener: string;
  readonly client: {
    readonly address: string;
    readonly family: string;
    readonly userAgent: string;
    /** Id of the process that made the first request, where the listener looks it up (`peerIdentity: proc`). */
    readonly process?: number;
  };
  readonly traceId?: string;
  /** Span of the first request's client, and whether it records its trace. */
  readonly traceParent?: { readonly spanId: string; readonly sampled: boolean };
  readonly isolation: string;
  readonly trigger: Trigger;
  readonly cause: Cause;
  readonly status: Status;
  readonly onDisk: boolean;
  readonly onDiskKind?: OnDiskKind;
  /** Another pull fetched what this one needed: at the same time (daemons), or after it began (processes). */
  readonly joined: boolean;
  readonly hasCreds: boolean;
  readonly opaqueToken: boolean;
  readonly auth?: AuthKind;
  /** What the registry told last of its limits; `source` is the fingerprint of whom it counts. */
  readonly rateLimit?: RateLimit & { readonly source?: string };
  /** 1, and one more for each time that the client started the whole pull again. */
  readonly attempts: number;
  readonly startMs: number;
  /** Last response byte of the pull, or of what another pull fetched for it while it waited. */
  readonly endMs: number;
  /** Last response byte of its own requests, where it waited for another pull after that. */
  readonly ownEndMs?: number;
  /** Last connection close; only from clients that keep connections until the image is committed. */
  readonly lastCloseMs?: number;
  /** What the time was spent on. */
  readonly phases?: Phases;
  /** When the tracker decided, and by which rule. */
  readonly decidedMs: number;
  readonly endRule: EndRule;
  readonly rootDigest?: Digest;
  /** Body bytes delivered to the client, manifests included. */
  readonly bytes: number;
  readonly layersRequested: number;
  /** Layers of the manifest that were not requested; undefined when the manifest was not seen. */
  readonly layersOnDisk?: number;
  /** Bytes of those layers. */
  readonly bytesOnDisk?: number;
  readonly blobs: readonly FinishedBlob[];
  /** Ids of the transfers bound to this pull, pings included. */
  readonly transfers: readonly number[];
}

/** One blob or manifest that the pull asked for. */
export interface FinishedBlob {
  readonly role: "manifest" | "config" | "layer" | "unknown";
  readonly digest: string;
  /** From the descriptor, Content-Range or Content-Length. */
  readonly sizeBytes?: number;
  readonly deliveredBytes: number;
  readonly requests: number;
  readonly startMs: number;
  readonly firstByteMs?: number;
  readonly endMs: number;
  readonly done: boolean;
  readonly lastStatus?: number;
  readonly servingHost?: string;
}

/** One pull that is not over, for people who watch. */
export interface LivePull {
  readonly id: string;
  readonly registry: string;
  readonly repository: string;
  readonly reference: string;
  readonly listener: string;
  readonly client: { readonly address: string; readonly family: string; readonly userAgent: string };
  readonly state: PullState;
  readonly startMs: number;
  readonly lastEventMs: number;
  readonly attempts: number;
  readonly openTransfers: number;
  /** Body bytes of the transfers that ended. */
  readonly bytes: number;
  readonly layersRequested: number;
}
