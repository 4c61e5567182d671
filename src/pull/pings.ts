import type { CredentialEvidence } from "./credentials.ts";
import { Pace } from "./pace.ts";
import type { TrackerSettings } from "./settings.ts";

/** One `GET /v2/` of a client that asks for it before each pull. */
export interface Ping {
  readonly transfer: number;
  readonly connection: number;
  readonly startMs: number;
  answeredMs?: number;
  readonly registry: string;
  readonly credentials: CredentialEvidence;
}

/** The pings of one client that no pull has claimed yet, oldest first. One unclaimed ping is one new pull. */
export class Pings {
  #unclaimed: Ping[] = [];
  /** From a ping's answer to the request that claims it. */
  readonly #pace = new Pace();
  readonly #settings: TrackerSettings;

  constructor(settings: TrackerSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#unclaimed.length;
  }

  add(ping: Ping): void {
    this.#unclaimed.push(ping);
  }

  /**
   * The ping that a new pull with a request on `connection` would claim: the one on the same connection; else the
   * oldest answered just now (under load the manifest takes another connection); else the newest that is not too old.
   */
  find(connection: number | undefined, nowMs: number): Ping | undefined {
    const { pingOrderMs, pingOrderMaxMs } = this.#settings;
    const windowMs = this.#pace.windowMs(pingOrderMs, pingOrderMaxMs);
    const answered = this.#unclaimed.filter((ping) => ping.answeredMs !== undefined);
    return (
      answered.findLast((ping) => ping.connection === connection) ??
      answered.find((ping) => nowMs - (ping.answeredMs ?? 0) < windowMs) ??
      answered.findLast((ping) => nowMs - (ping.answeredMs ?? 0) < this.#settings.pingClaimMs)
    );
  }

  /** Returns false if it was claimed or withdrawn before. */
  remove(ping: Ping): boolean {
    const before = this.#unclaimed.length;
    this.#unclaimed = this.#unclaimed.filter((other) => other !== ping);
    return this.#unclaimed.length < before;
  }

  claim(ping: Ping, nowMs: number): void {
    this.remove(ping);
    if (ping.answeredMs !== undefined) this.#pace.note(nowMs - ping.answeredMs);
  }

  removeOldest(): Ping | undefined {
    return this.#unclaimed.shift();
  }

  /** A process that closed its ping's connection is gone. Returns the pings withdrawn. */
  withdraw(connection: number): readonly Ping[] {
    const withdrawn = this.#unclaimed.filter((ping) => ping.connection === connection);
    if (withdrawn.length > 0) this.#unclaimed = this.#unclaimed.filter((ping) => ping.connection !== connection);
    return withdrawn;
  }

  /** Takes out the pings that no pull will claim any more. */
  expire(nowMs: number): readonly Ping[] {
    const [oldest] = this.#unclaimed;
    if (oldest === undefined || nowMs - oldest.startMs < this.#settings.pingClaimMs) return [];
    const isOld = (ping: Ping): boolean =>
      ping.answeredMs !== undefined && nowMs - ping.answeredMs >= this.#settings.pingClaimMs;
    const expired = this.#unclaimed.filter(isOld);
    if (expired.length > 0) this.#unclaimed = this.#unclaimed.filter((ping) => !isOld(ping));
    return expired;
  }
}
