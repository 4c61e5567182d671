import { repositoryOf } from "./candidates.ts";
import { Deadlines } from "./deadlines.ts";
import { isWhole, toFinishedPull, wasTurnedAway } from "./finish.ts";
import { judge } from "./over.ts";
import type { EndRule, PullObserver } from "./pull-event.ts";
import type { Pull } from "./pull.ts";
import { PullIndex } from "./pull-index.ts";
import type { TrackerSettings } from "./settings.ts";

/** Who asks for what: all that is known of whoever asks for a token. */
export interface Asker {
  readonly registry: string;
  readonly repository?: string;
  readonly remoteAddress: string;
  readonly userAgent: string;
}

function keyOf({ registry, repository, remoteAddress, userAgent }: Asker): string {
  return `${remoteAddress} ${registry}/${repository ?? ""} ${userAgent}`;
}

function askerOfPull({ birth, client }: Pull): string {
  return keyOf({ ...birth, remoteAddress: client.address });
}

/** The pulls that are not over, oldest first, and when to look at each of them next. */
export class LivePulls {
  readonly #pulls = new Set<Pull>();
  readonly #byAsker = new PullIndex<string>();
  readonly #due = new Deadlines<Pull>();
  readonly #report: PullObserver;
  readonly #settings: TrackerSettings;
  readonly #ended: (pull: Pull) => void;

  /** `ended` is called once for each pull, after it was reported. */
  constructor(report: PullObserver, settings: TrackerSettings, ended: (pull: Pull) => void) {
    this.#report = report;
    this.#settings = settings;
    this.#ended = ended;
  }

  [Symbol.iterator](): Iterator<Pull> {
    return this.#pulls.values();
  }

  get isEmpty(): boolean {
    return this.#pulls.size === 0;
  }

  /** The pulls of one image by one program on one machine. */
  askedBy(asker: Asker): ReadonlySet<Pull> {
    return this.#byAsker.get(keyOf(asker));
  }

  /** True while some pull may still ask for something. */
  isAnyUnderWay(): boolean {
    for (const pull of this.#pulls) if (!isWhole(pull) && !wasTurnedAway(pull)) return true;
    return false;
  }

  isUnderWay(registry: string, repository: string): boolean {
    for (const pull of this.#pulls) {
      const { birth } = pull;
      if (birth.registry === registry && birth.repository === repository && !wasTurnedAway(pull)) return true;
    }
    return false;
  }

  add(pull: Pull): void {
    this.#pulls.add(pull);
    this.#byAsker.add(askerOfPull(pull), pull);
    pull.client.add(pull, repositoryOf(pull));
    if (!pull.client.behaviour.mayOnlyLook) this.announce(pull);
  }

  /** Tells that it is a pull: at once, but for tools that may only look when they ask for a layer. */
  announce(pull: Pull): void {
    if (pull.announced) return;
    pull.announced = true;
    this.#report({ type: "pull-started", id: pull.id, registry: pull.birth.registry });
  }

  /** Something happened to the pull: decides when to look whether it is over. */
  schedule(pull: Pull, nowMs: number): void {
    if (!pull.isLive) return;
    const verdict = judge(pull, nowMs, this.#settings);
    // One reminder per pull is enough, unless the new one is earlier: a late one looks again.
    this.#due.bringForward(pull, "over" in verdict ? nowMs : verdict.againMs);
  }

  /** Finishes the pulls that are over by now. */
  decide(nowMs: number): void {
    for (let due = this.#due.pop(nowMs); due !== undefined; due = this.#due.pop(nowMs)) {
      const pull = due.item;
      const verdict = judge(pull, nowMs, this.#settings);
      if ("over" in verdict) this.finish(pull, verdict.over, nowMs);
      // At least 1 ms later: a fraction of it may vanish in the sum, and the loop would not end.
      else this.#due.bringForward(pull, Math.max(verdict.againMs, nowMs + 1));
    }
  }

  /** Makes the one observation of a pull. */
  finish(pull: Pull, rule: EndRule, nowMs: number): void {
    if (!pull.isLive) return;
    const finished = toFinishedPull(pull, rule, nowMs);
    pull.apply("finish");
    this.#pulls.delete(pull);
    this.#byAsker.delete(askerOfPull(pull), pull);
    this.#due.delete(pull);
    // A connection that stays open would keep the pull in memory.
    for (const connection of pull.connections) if (connection.pull === pull) connection.pull = undefined;
    pull.client.remove(pull, repositoryOf(pull));
    if (pull.announced) this.#report({ type: "pull-finished", pull: finished });
    else this.#report({ type: "unassigned", reason: "inspection", registry: pull.birth.registry });
    this.#ended(pull);
  }

  /** Makes room for a new pull. Returns false if one had to go. */
  bound(nowMs: number): boolean {
    if (this.#pulls.size <= this.#settings.maxPulls) return true;
    const [oldest] = this.#pulls;
    if (oldest !== undefined) this.finish(oldest, "dropped", nowMs);
    return false;
  }
}
