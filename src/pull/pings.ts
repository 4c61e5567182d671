import type { CredentialEvidence } from "./credentials.ts";
import { Pace } from "./pace.ts";
import type { TrackerSettings } from "./settings.ts";
import type { TransferStarted } from "./transfer-event.ts";

/** One `GET /v2/` of a client that asks for it before each pull. */
export interface Ping {
  readonly transfer: number;
  /** Undefined behind another proxy, where a connection identifies nobody. */
  readonly connection: number | undefined;
  readonly startMs: number;
  readonly registry: string;
  readonly credentials: CredentialEvidence;
}

export interface AnsweredPing extends Ping {
  readonly answeredMs: number;
  /** Answered 401: a token is wanted. */
  readonly isChallenge: boolean;
}

/** A request that is a ping. */
export function toPing(
  { transfer, forwarded, connection, registry, credentials }: TransferStarted,
  nowMs: number,
): Ping {
  return { transfer, connection: forwarded ? undefined : connection, startMs: nowMs, registry, credentials };
}

/** The pings of one client that no pull has claimed yet. One unclaimed ping is one new pull. */
export class Pings {
  readonly #unanswered = new Set<Ping>();
  /** In the order of their answers: who was answered first goes on first. */
  #answered: AnsweredPing[] = [];
  /** From a ping's answer to the request that claims it. */
  readonly #pace = new Pace();
  readonly #settings: TrackerSettings;

  constructor(settings: TrackerSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#unanswered.size + this.#answered.length;
  }

  add(ping: Ping): void {
    this.#unanswered.add(ping);
  }

  answer(ping: Ping, nowMs: number, isChallenge: boolean): void {
    if (this.#unanswered.delete(ping)) this.#answered.push({ ...ping, answeredMs: nowMs, isChallenge });
  }

  /** It got no answer that lets a client go on. Returns false if it was withdrawn before. */
  fail(ping: Ping): boolean {
    return this.#unanswered.delete(ping);
  }

  /**
   * The ping that a new pull with a request on `connection` would claim: the one on the same connection; else the
   * oldest answered just now (under load the manifest takes another connection); else the newest that is not too old.
   */
  find(connection: number | undefined, nowMs: number): AnsweredPing | undefined {
    const { pingOrderMs, pingOrderMaxMs, pingClaimMs } = this.#settings;
    const windowMs = this.#pace.windowMs(pingOrderMs, pingOrderMaxMs);
    return (
      this.#answered.findLast((ping) => ping.connection !== undefined && ping.connection === connection) ??
      this.#answered.find(({ answeredMs }) => nowMs - answeredMs < windowMs) ??
      this.#answered.findLast(({ answeredMs }) => nowMs - answeredMs < pingClaimMs)
    );
  }

  claim(ping: AnsweredPing, nowMs: number): void {
    this.#answered = this.#answered.filter((other) => other !== ping);
    this.#pace.note(nowMs - ping.answeredMs);
  }

  removeOldest(): Ping | undefined {
    const oldest = this.#answered.shift();
    if (oldest !== undefined) return oldest;
    const [unanswered] = this.#unanswered;
    if (unanswered !== undefined) this.#unanswered.delete(unanswered);
    return unanswered;
  }

  /** Takes out all of them. */
  clear(): readonly Ping[] {
    const pings = [...this.#unanswered, ...this.#answered];
    this.#unanswered.clear();
    this.#answered = [];
    return pings;
  }

  /** A process that closed its ping's connection is gone. Returns the pings withdrawn. */
  withdraw(connection: number): readonly Ping[] {
    const isOn = (ping: Ping): boolean => ping.connection === connection;
    const withdrawn = [...this.#unanswered, ...this.#answered].filter(isOn);
    for (const ping of withdrawn) this.#unanswered.delete(ping);
    this.#answered = this.#answered.filter((ping) => !isOn(ping));
    return withdrawn;
  }

  /** Takes out the pings that no pull will claim any more. */
  expire(nowMs: number): readonly Ping[] {
    const count = this.#answered.findIndex(({ answeredMs }) => nowMs - answeredMs < this.#settings.pingClaimMs);
    return this.#answered.splice(0, count < 0 ? this.#answered.length : count);
  }
}
