/**
 * What a pull waits for. Drawn in `docs/pull-states.md`.
 */
export type PullState =
  /** The reference was asked for and no answer settles it yet (open, or a 401 that credentials may follow). */
  | "resolving"
  /** The last resolve failed: the client gives up, repeats it, or goes to the registry directly. */
  | "unresolved"
  /** A HEAD named the digest and nothing followed yet: the image is on disk, or the fetch is still to come. */
  | "waiting"
  /** The client asked for the manifest itself, and what it lists. */
  | "fetching"
  /** A blob failed so that the client repeats the whole pull. */
  | "retrying"
  /** A blob failed for good: no later request belongs to this pull. */
  | "broken"
  /** Observed. */
  | "finished";

/** What can happen to a pull. */
export type PullInput =
  | "resolve_started"
  | "resolved"
  | "resolve_failed"
  | "fetch_started"
  | "pull_retryable"
  | "blob_fatal"
  | "retried"
  | "finish";

type Row = Readonly<Record<PullInput, PullState>>;

/** Every pair is defined: the compiler requires each cell. */
const TRANSITIONS: Readonly<Record<PullState, Row>> = {
  resolving: {
    resolve_started: "resolving",
    resolved: "waiting",
    resolve_failed: "unresolved",
    fetch_started: "fetching",
    pull_retryable: "retrying",
    blob_fatal: "broken",
    retried: "resolving",
    finish: "finished",
  },
  unresolved: {
    resolve_started: "resolving",
    resolved: "waiting",
    resolve_failed: "unresolved",
    fetch_started: "fetching",
    pull_retryable: "retrying",
    blob_fatal: "broken",
    retried: "resolving",
    finish: "finished",
  },
  waiting: {
    resolve_started: "waiting",
    resolved: "waiting",
    resolve_failed: "unresolved",
    fetch_started: "fetching",
    pull_retryable: "retrying",
    blob_fatal: "broken",
    retried: "resolving",
    finish: "finished",
  },
  fetching: {
    resolve_started: "fetching",
    resolved: "fetching",
    // A tag that was read once stays read: a later failure of a look-up costs nothing.
    resolve_failed: "fetching",
    fetch_started: "fetching",
    pull_retryable: "retrying",
    blob_fatal: "broken",
    retried: "resolving",
    finish: "finished",
  },
  retrying: {
    resolve_started: "retrying",
    resolved: "retrying",
    resolve_failed: "retrying",
    fetch_started: "retrying",
    pull_retryable: "retrying",
    blob_fatal: "broken",
    retried: "resolving",
    finish: "finished",
  },
  broken: {
    resolve_started: "broken",
    resolved: "broken",
    resolve_failed: "broken",
    fetch_started: "broken",
    // Another layer decides: containers/image reports the first one of the manifest that failed.
    pull_retryable: "retrying",
    blob_fatal: "broken",
    retried: "resolving",
    finish: "finished",
  },
  finished: {
    resolve_started: "finished",
    resolved: "finished",
    resolve_failed: "finished",
    fetch_started: "finished",
    pull_retryable: "finished",
    blob_fatal: "finished",
    retried: "finished",
    finish: "finished",
  },
};

export function nextState(state: PullState, input: PullInput): PullState {
  return TRANSITIONS[state][input];
}
