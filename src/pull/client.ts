import type { Digest } from "../oci/digest.ts";
import type { Behaviour } from "./client-behaviour.ts";
import type { Deliveries } from "./deliveries.ts";
import { Pace } from "./pace.ts";
import { Pings } from "./pings.ts";
import type { Pull } from "./pull.ts";
import { PullIndex } from "./pull-index.ts";
import type { TrackerSettings } from "./settings.ts";

/**
 * One client as far as the wire tells: listener, remote address, program, and for programs of which one process is one
 * pull the process id, where known. Holds the indexes that keep the cost of an event apart from the number of pulls.
 */
export class Client {
  readonly key: string;
  readonly address: string;
  readonly behaviour: Behaviour;
  readonly pings: Pings;
  /** Shared with the other clients of the same machine and program. */
  readonly deliveries: Deliveries;
  /** From a pull's last event to its next request, with nothing open between. */
  readonly pace = new Pace();
  /** From the answer of a HEAD to the first fetch, while the client was free to send. */
  readonly fetchPace = new Pace();
  readonly pulls = new Set<Pull>();
  /** A connection's close was seen: silence of the others means that they are open. */
  sawClose = false;
  /** Its process is known to be one pull at a time. */
  readonly isOneProcess: boolean;
  /**
   * When the latest resolved of the pulls that fetched was resolved. Fetches queue up first in, first out
   * (containerd's limiter is a `semaphore.Weighted`): who was resolved well before that has nothing to fetch.
   */
  fetchedResolvedMs = Number.NEGATIVE_INFINITY;
  /** Requests of pulls that are open now. */
  open = 0;
  #freeMs = 0;
  #freeSinceMs: number;

  readonly #byRepository = new PullIndex<string>();
  readonly #byReference = new PullIndex<string>();
  readonly #byTrace = new Map<string, Pull>();
  readonly #byDigest = new PullIndex<Digest>();
  readonly #byAsked = new PullIndex<string>();
  /** Pulls that have a successful request for the digest open, with how many. */
  readonly #fetching = new Map<string, Map<Pull, number>>();
  readonly #pushing = new Map<string, number>();

  constructor(options: {
    key: string;
    address: string;
    behaviour: Behaviour;
    isOneProcess: boolean;
    deliveries: Deliveries;
    settings: TrackerSettings;
    nowMs: number;
  }) {
    this.key = options.key;
    this.address = options.address;
    this.behaviour = options.behaviour;
    this.isOneProcess = options.isOneProcess;
    this.deliveries = options.deliveries;
    this.pings = new Pings(options.settings);
    this.#freeSinceMs = options.nowMs;
  }

  /** Time during which the client was free to send: all of it, but for daemons at their download limit. */
  freeMs(nowMs: number): number {
    if (this.behaviour.downloadLimit === undefined) return nowMs;
    return this.#freeMs + (this.isAtLimit() ? 0 : nowMs - this.#freeSinceMs);
  }

  isAtLimit(): boolean {
    const limit = this.behaviour.downloadLimit;
    return limit !== undefined && this.open >= limit;
  }

  /** Counts open requests, `change` being 1 or -1, and keeps the free clock. */
  countOpen(change: 1 | -1, nowMs: number): void {
    const wasAtLimit = this.isAtLimit();
    this.open += change;
    if (wasAtLimit === this.isAtLimit()) return;
    if (wasAtLimit) this.#freeSinceMs = nowMs;
    else this.#freeMs += nowMs - this.#freeSinceMs;
  }

  add(pull: Pull, repository: string): void {
    this.pulls.add(pull);
    this.#byRepository.add(repository, pull);
    this.#byReference.add(`${repository} ${pull.birth.reference}`, pull);
    if (pull.birth.traceId !== undefined) this.#byTrace.set(`${pull.birth.traceId} ${repository}`, pull);
  }

  remove(pull: Pull, repository: string): void {
    this.pulls.delete(pull);
    this.#byRepository.delete(repository, pull);
    this.#byReference.delete(`${repository} ${pull.birth.reference}`, pull);
    for (const key of pull.contents.keys()) this.#byAsked.delete(key, pull);
    const trace = `${pull.birth.traceId ?? ""} ${repository}`;
    if (this.#byTrace.get(trace) === pull) this.#byTrace.delete(trace);
    if (pull.rootDigest !== undefined) this.#byDigest.delete(pull.rootDigest, pull);
    for (const digest of pull.children) this.#byDigest.delete(digest, pull);
    for (const digest of pull.expected.keys()) this.#byDigest.delete(digest, pull);
  }

  /** Live pulls of a repository (`registry/name`), oldest first. */
  inRepository(repository: string): ReadonlySet<Pull> {
    return this.#byRepository.get(repository);
  }

  /** Those of them that were opened for this tag or digest. */
  ofReference(repository: string, reference: string): ReadonlySet<Pull> {
    return this.#byReference.get(`${repository} ${reference}`);
  }

  byTrace(traceId: string, repository: string): Pull | undefined {
    return this.#byTrace.get(`${traceId} ${repository}`);
  }

  /** The pull needs this digest: as its root, a child of its index, its config or a layer. */
  expect(digest: Digest, pull: Pull): void {
    this.#byDigest.add(digest, pull);
  }

  needing(digest: Digest): ReadonlySet<Pull> {
    return this.#byDigest.get(digest);
  }

  /** The pull asked for this manifest or blob. */
  noteAsked(key: string, pull: Pull): void {
    this.#byAsked.add(key, pull);
  }

  /** The pulls that asked for it, well or not. */
  askedFor(key: string): ReadonlySet<Pull> {
    return this.#byAsked.get(key);
  }

  /** Notes that `pull` has one more (1) or one less (-1) request for the digest open. */
  countFetch(digest: string, pull: Pull, change: 1 | -1): void {
    const pulls = this.#fetching.get(digest) ?? new Map<Pull, number>();
    const count = (pulls.get(pull) ?? 0) + change;
    if (count > 0) pulls.set(pull, count);
    else pulls.delete(pull);
    if (pulls.size > 0) this.#fetching.set(digest, pulls);
    else this.#fetching.delete(digest);
  }

  /** Some pull has a request for a digest open. */
  get isFetching(): boolean {
    return this.#fetching.size > 0;
  }

  isFetchedByAnother(digest: string, pull: Pull): boolean {
    const pulls = this.#fetching.get(digest);
    return pulls !== undefined && (pulls.size > 1 || !pulls.has(pull));
  }

  markPushing(repository: string, untilMs: number): void {
    this.#pushing.delete(repository);
    this.#pushing.set(repository, untilMs);
    const [oldest] = this.#pushing.keys();
    if (this.#pushing.size > MAX_PUSHED && oldest !== undefined) this.#pushing.delete(oldest);
  }

  endPushing(repository: string): void {
    this.#pushing.delete(repository);
  }

  isPushing(repository: string, nowMs: number): boolean {
    const untilMs = this.#pushing.get(repository);
    if (untilMs === undefined) return false;
    if (untilMs > nowMs) return true;
    this.#pushing.delete(repository);
    return false;
  }

  get isPushingAnything(): boolean {
    return this.#pushing.size > 0;
  }

  /** Nothing about it is worth remembering. */
  isIdle(nowMs: number): boolean {
    for (const [repository, untilMs] of this.#pushing) if (untilMs <= nowMs) this.#pushing.delete(repository);
    return this.pulls.size === 0 && this.open === 0 && this.pings.size === 0 && this.#pushing.size === 0;
  }
}

/** Repositories that one client pushes to at once; beyond that the oldest push is forgotten. */
const MAX_PUSHED = 256;
