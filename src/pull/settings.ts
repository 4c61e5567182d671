/** Times and bounds of the tracker. Milliseconds and counts; every default says where it comes from. */
export interface TrackerSettings {
  /** Quiet time after which the pull of a daemon is over. 1 s measured as good, 0.5 s orphans requests. */
  readonly daemonSettleMs: number;
  /** The same for a process that opens one connection per request: 2 s orphans requests of slow machines. */
  readonly processSettleMs: number;
  /** A process that keeps its connections tells its end by closing them; this is the net for a lost close. */
  readonly keepAliveSettleMs: number;
  /** After a failed blob that ends the pull: what is still open is cancelled at once, so little can follow. */
  readonly failedSettleMs: number;
  /** containers/image repeats a whole pull about 1 s after its last connection closed, or later under load. */
  readonly pullRetryWaitMs: number;
  /** containers/image asks for the rest of a blob 1.0-1.1 s after a cut (1.0-1.2 s seen), or later under load. */
  readonly resumeWaitMs: number;
  /** Docker repeats a failed layer after 5, 10, 15, 20 s. */
  readonly dockerRetryWaitMs: number;
  /** Longest wait after a 429: containers/image waits at most 60 s for `Retry-After`. */
  readonly rateLimitedWaitMs: number;
  /** Longest that a timer may stand still because another pull holds what this one needs. */
  readonly settleCapMs: number;
  /** A transfer of which nothing was heard for so long is lost. Longer than any layer should take. */
  readonly transferCapMs: number;
  /** A closed connection's transfers report their end at once; this is how long a late report is awaited. */
  readonly closedGraceMs: number;

  /** From HEAD to GET mostly below 0.1 s while the daemon is free to send, at most 0.33 s on a busy machine. */
  readonly waitingMs: number;
  readonly waitingMaxMs: number;
  /** And mostly within twice the longest of the last ones; those of an idle machine are below 20 ms. */
  readonly waitingUsualMs: number;
  /** A pull that was resolved this much later than another one does not fetch before it, but on a busy machine. */
  readonly overtakeMs: number;
  /** A process that was silent for longer with nothing open hardly sends the next request. */
  readonly activeMs: number;
  /** The same for a client that is slow lately. */
  readonly activeMaxMs: number;
  /** How old a pull without a digest may be when a GET by digest follows an answer from elsewhere. */
  readonly adoptMs: number;
  /** A ping is mostly followed by its manifest within this time, or within the longer one if the client is slow lately. */
  readonly pingOrderMs: number;
  readonly pingOrderMaxMs: number;
  /** A ping answered before that is not the beginning of a pull any more. */
  readonly pingClaimMs: number;
  /** Window, after the last close of a failed attempt, in which the ping of the next attempt comes (1.0-1.6 s seen). */
  readonly pullRetryFromMs: number;
  readonly pullRetryToMs: number;
  /** How long after its last upload request a client counts as pushing to a repository. */
  readonly pushQuietMs: number;
  /** Events may come in wrong order by this much; an older one means that the clock was set back. */
  readonly clockSlackMs: number;

  /** Live pulls: about 20 KiB each with 100 blobs, so 100 MiB at most. */
  readonly maxPulls: number;
  /**
   * Blobs that one pull asks for, and descriptors that its manifests list: images have at most 127 layers, an index of
   * ten platforms ten times that.
   */
  readonly maxBlobsPerPull: number;
  /** Connections of one pull: at most 30 seen, parallel ranges use one per chunk. */
  readonly maxConnectionsPerPull: number;
  /** Transfers remembered per pull for the log: parallel ranges of a 20 GB layer in 8 MiB chunks. */
  readonly maxTransfersPerPull: number;
  /** Open transfers of all clients: more than file descriptors allow. */
  readonly maxOpenTransfers: number;
  /** Unclaimed pings of one client: a burst of processes within 5 s. */
  readonly maxPings: number;
  /** Manifests remembered by digest: about 2 KiB each. */
  readonly maxManifests: number;
  /** Descriptors in all of them: about 300 bytes each, so 30 MiB, however long a manifest is. */
  readonly maxManifestDescriptors: number;
  /** Clients known at once. One per process where the process is known. */
  readonly maxClients: number;
  /** Open connections remembered. */
  readonly maxConnections: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export const DEFAULT_SETTINGS: TrackerSettings = {
  daemonSettleMs: 2 * SECOND,
  processSettleMs: 5 * SECOND,
  keepAliveSettleMs: 30 * SECOND,
  failedSettleMs: 1 * SECOND,
  pullRetryWaitMs: 8 * SECOND,
  resumeWaitMs: 2_500,
  dockerRetryWaitMs: 25 * SECOND,
  rateLimitedWaitMs: 60 * SECOND,
  settleCapMs: 15 * MINUTE,
  transferCapMs: 6 * 60 * MINUTE,
  closedGraceMs: 5 * SECOND,
  waitingMs: 100,
  waitingMaxMs: 400,
  waitingUsualMs: 20,
  overtakeMs: 50,
  activeMs: 450,
  activeMaxMs: 1_000,
  adoptMs: 5 * SECOND,
  pingOrderMs: 600,
  pingOrderMaxMs: 1_500,
  pingClaimMs: 5 * SECOND,
  pullRetryFromMs: 1_000,
  pullRetryToMs: 2_500,
  pushQuietMs: 10 * SECOND,
  clockSlackMs: 2 * SECOND,
  maxPulls: 5_000,
  maxBlobsPerPull: 2_048,
  maxConnectionsPerPull: 512,
  maxTransfersPerPull: 4_096,
  maxOpenTransfers: 50_000,
  maxPings: 1_000,
  maxManifests: 4_096,
  maxManifestDescriptors: 100_000,
  maxClients: 10_000,
  maxConnections: 50_000,
};
