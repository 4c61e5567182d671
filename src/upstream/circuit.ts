import { UpstreamError } from "./upstream-error.ts";

/** Whether a host is asked: `open` for nobody, `half_open` for one request that finds out. */
export type CircuitState = "closed" | "open" | "half_open";

export interface CircuitChange {
  readonly registry: string;
  /** host[:port] */
  readonly host: string;
  readonly state: CircuitState;
}

/** 5 connections in a row: more than two requests try, so that one bad moment of one client opens nothing. */
const FAILURES_TO_OPEN = 5;

/** 5 s at first: about as long as a restart takes. Doubled with every probe that fails, up to a minute. */
const FIRST_OPEN_MS = 5_000;
const LONGEST_OPEN_MS = 60_000;

/** 1,000 hosts that cannot be reached at the same time; the one that failed longest ago is forgotten. */
const MAX_HOSTS = 1_000;

/** A host was not even tried. Trying again soon leads to the same. */
export class NotAsked extends UpstreamError {
  constructor(host: string, failures: number) {
    super("connect", `${host}: not asked, because the last ${failures} connections failed`);
  }
}

interface Trouble {
  readonly registry: string;
  readonly host: string;
  failures: number;
  openMs: number;
  /** When the next probe may go; undefined while closed. */
  probeAtMs?: number;
  probing: boolean;
}

/**
 * Which hosts could not be connected to lately, so that requests before the manifest fail at once and their clients go
 * elsewhere. A host that answers is not remembered at all.
 */
export class Circuits {
  readonly #now: () => number;
  readonly #changed: (change: CircuitChange) => void;
  readonly #troubled = new Map<string, Trouble>();
  #isRetired = false;

  constructor(now: () => number, changed: (change: CircuitChange) => void) {
    this.#now = now;
    this.#changed = changed;
  }

  /** Others judge from now on: nothing is unreachable here any more, and nothing is told. */
  retire(): void {
    for (const trouble of this.#troubled.values()) if (trouble.probeAtMs !== undefined) this.#tell(trouble, "closed");
    this.#troubled.clear();
    this.#isRetired = true;
  }

  /** Throws an UpstreamError if `host` is not to be asked now. Whoever passes must tell how it went. */
  enter(registry: string, host: string): void {
    if (this.#troubled.size === 0) return;
    const trouble = this.#troubled.get(keyOf(registry, host));
    if (trouble?.probeAtMs === undefined) return;
    if (trouble.probing || this.#now() < trouble.probeAtMs) {
      throw new NotAsked(host, trouble.failures);
    }
    trouble.probing = true;
    this.#tell(trouble, "half_open");
  }

  /** Something came from `host`, whatever it was. */
  succeeded(registry: string, host: string): void {
    if (this.#troubled.size === 0) return;
    const key = keyOf(registry, host);
    const trouble = this.#troubled.get(key);
    if (trouble === undefined) return;
    this.#troubled.delete(key);
    if (trouble.probeAtMs !== undefined) this.#tell(trouble, "closed");
  }

  /** No connection to `host` came about. */
  failed(registry: string, host: string): void {
    const key = keyOf(registry, host);
    const known = this.#troubled.get(key);
    const trouble = known ?? { registry, host, failures: 0, openMs: FIRST_OPEN_MS, probing: false };
    this.#troubled.delete(key);
    this.#troubled.set(key, trouble);
    this.#forgetOldest();
    trouble.failures += 1;
    if (trouble.failures < FAILURES_TO_OPEN) return;
    // Requests that were under way when it opened say nothing new.
    if (trouble.probeAtMs !== undefined && !trouble.probing) return;
    if (trouble.probing) trouble.openMs = Math.min(trouble.openMs * 2, LONGEST_OPEN_MS);
    trouble.probing = false;
    trouble.probeAtMs = this.#now() + trouble.openMs;
    this.#tell(trouble, "open");
  }

  /** It ended in a way that says nothing of `host`: its client went away. The next one may probe. */
  undecided(registry: string, host: string): void {
    const trouble = this.#troubled.get(keyOf(registry, host));
    if (trouble?.probing !== true) return;
    trouble.probing = false;
    this.#tell(trouble, "open");
  }

  #forgetOldest(): void {
    const [oldest] = this.#troubled;
    if (this.#troubled.size <= MAX_HOSTS || oldest === undefined) return;
    const [key, trouble] = oldest;
    this.#troubled.delete(key);
    if (trouble.probeAtMs !== undefined) this.#tell(trouble, "closed");
  }

  #tell({ registry, host }: Trouble, state: CircuitState): void {
    if (!this.#isRetired) this.#changed({ registry, host, state });
  }
}

/** A host is another one to another registry: its own rules say how it is reached. */
function keyOf(registry: string, host: string): string {
  return `${registry} ${host}`;
}
