import type { Protection } from "../access/protection.ts";
import type { ServingConfig } from "../config/config.ts";
import { NO_PULLS, type PullsUnderWay } from "../proxy/draining.ts";
import type { BoundListener } from "../proxy/listener.ts";
import { currentSalt } from "../proxy/rate-limit-source.ts";
import type { Observer } from "../pull/transfer-event.ts";
import { Backoff } from "./backoff.ts";
import { Ticker } from "../wiring/ticker.ts";
import type { DataPlane } from "./data-plane.ts";
import { JointCircuits } from "./joint-circuits.ts";
import { EventMerger } from "./merge-events.ts";
import type { Start, ToWorker, Usage } from "./messages.ts";
import { packConfig, packProtection, type PackedConfig } from "./packed-config.ts";
import { Rounds } from "./rounds.ts";
import { PULSE_MS, WorkerLife, type Household } from "./worker-life.ts";
import type { ForkWorker } from "./worker-process.ts";

/** What becomes of workers. */
export interface WorkerWatcher {
  started(worker: number, pid: number): void;
  /** It ended although nobody asked it to, and another takes its place after `waitMs`. */
  died(worker: number, how: string, waitMs: number): void;
  used(worker: number, usage: Usage): void;
}

export interface WorkerProxiesOptions {
  readonly config: ServingConfig;
  readonly loadFork: () => Promise<ForkWorker>;
  readonly observe: Observer;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly watcher: WorkerWatcher;
}

/** 10 ms: how often events are passed on. */
const TICK_MS = 10;

/** 1 s: for a worker that takes longer to tell, the others do not wait; what it tells then is observed late. */
const PATIENCE_MS = 1_000;

/** 50 ms: how late workers hear that the last pull is over. */
const DRAIN_TICK_MS = 50;

/** 2 s beyond the time for draining: a worker that does not leave by itself is ended. */
const LEAVE_MS = 2_000;

/** The place of a worker, in which one follows the other. */
interface Seat {
  readonly number: number;
  readonly fork: ForkWorker;
  readonly backoff: Backoff;
}

/** Several processes that serve clients as one: they share each address, and what they see is told in one order. */
export class WorkerProxies implements DataPlane {
  readonly #options: WorkerProxiesOptions;
  readonly #household: Household;
  readonly #merger = new EventMerger();
  readonly #lives = new Map<number, WorkerLife>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #rounds = new Rounds(() => [...this.#lives.values()].map((life) => life.tell()));
  #config: PackedConfig;
  #pulls: PullsUnderWay = NO_PULLS;
  #isEnding = false;
  readonly #ticker: Ticker;
  #pulses: NodeJS.Timeout | undefined;

  constructor(options: WorkerProxiesOptions) {
    const { config, now, observe, watcher } = options;
    this.#options = options;
    this.#config = packConfig(config);
    this.#ticker = new Ticker({
      everyMs: TICK_MS,
      tick: () => this.toldUntil(now()),
      isAtRest: () => this.#merger.isEmpty,
    });
    this.#household = {
      tell: (events, observer) => {
        this.#ticker.wake();
        this.#merger.add(events, observer);
      },
      circuits: new JointCircuits(),
      last: { connection: 0, transfer: 0 },
      observe,
      now,
      used: (worker, usage) => watcher.used(worker, usage),
      isUnderWay: (registry, repository) => this.#isUnderWay(registry, repository),
    };
  }

  async listen(): Promise<BoundListener[]> {
    const { config, loadFork } = this.#options;
    const fork = await loadFork();
    this.#pulses = setInterval(() => this.#checkPulses(), PULSE_MS).unref();
    try {
      const numbers = Array.from({ length: config.workers }, (_, index) => index + 1);
      const lives = numbers.map((number) => this.#start({ number, fork, backoff: new Backoff() }));
      // All share each address: what one of them binds, any free port too, the others have.
      const [bound = []] = await Promise.all(lives.map((life) => life.listening));
      return [...bound];
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  reload(config: ServingConfig): void {
    // What files of listeners say comes by `protect`.
    const protections = new Map(this.#config.listeners.map(({ name, protection }) => [name, protection]));
    const packed = packConfig(config);
    const listeners = packed.listeners.map(({ protection: _now, ...listener }) => {
      const protection = protections.get(listener.name);
      return { ...listener, ...(protection && { protection }) };
    });
    this.#config = { ...packed, listeners };
    this.#sendAll({ type: "reload", config: this.#config });
  }

  protect(listener: string, given: Protection): void {
    const protection = packProtection(given);
    const listeners = this.#config.listeners.map((known) =>
      known.name === listener ? { ...known, protection } : known,
    );
    this.#config = { ...this.#config, listeners };
    this.#sendAll({ type: "protect", listener, protection });
  }

  // Who has nothing to tell is asked, so that the others' events need not wait for it.
  toldUntil(nowMs: number): number {
    const lives = [...this.#lives.values()];
    for (const life of lives) if (life.toldUntilMs < nowMs - TICK_MS) life.ask();
    const untilMs = Math.max(nowMs - PATIENCE_MS, Math.min(nowMs, ...lives.map((life) => life.toldUntilMs)));
    this.#merger.pass(untilMs);
    return untilMs;
  }

  async drain(timeoutMs: number, pulls: PullsUnderWay = NO_PULLS): Promise<void> {
    this.#pulls = pulls;
    this.#startNoMore();
    this.#sendAll({ type: "drain", timeoutMs, quietMs: pulls.quietMs });
    const ticker = setInterval(() => this.#tellUnderWay(), DRAIN_TICK_MS);
    const force = setTimeout(() => this.#killAll(), timeoutMs + LEAVE_MS);
    await this.#allEnded();
    clearInterval(ticker);
    clearTimeout(force);
    this.#stopTelling();
  }

  async close(): Promise<void> {
    this.#startNoMore();
    this.#killAll();
    await this.#allEnded();
    this.#stopTelling();
  }

  #start(seat: Seat): WorkerLife {
    const { number, fork } = seat;
    const life = new WorkerLife(number, fork(), () => this.#firstMessage(), this.#household);
    this.#lives.set(number, life);
    void life.listening.then(
      () => this.#options.watcher.started(number, life.pid),
      // It cannot serve: of a start, the caller hears it; of a restart, the end of the worker tells.
      () => life.kill(),
    );
    void life.ended.then((how) => this.#ended(seat, life, how));
    return life;
  }

  #ended(seat: Seat, life: WorkerLife, how: string): void {
    this.#lives.delete(seat.number);
    if (this.#isEnding) return;
    const waitMs = seat.backoff.afterDeath(performance.now() - life.startedMs);
    this.#options.watcher.died(seat.number, how, waitMs);
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#start(seat);
    }, waitMs);
    this.#restarts.add(timer);
  }

  #firstMessage(): Start {
    const { now, monotonicMs } = this.#options;
    return { type: "start", config: this.#config, originMs: now() - monotonicMs(), salt: currentSalt() };
  }

  /**
   * A pull that began in one worker may go on in another before its beginning was told: so it is asked for first. Its
   * client had an answer of the one before it asked the other.
   */
  async #isUnderWay(registry: string, repository: string): Promise<boolean> {
    await this.#rounds.next();
    this.#merger.flush();
    return this.#pulls.isOf(registry, repository);
  }

  #tellUnderWay(): void {
    const isHandling = [...this.#lives.values()].some((life) => life.transfers > 0);
    this.#sendAll({ type: "any-under-way", isAny: isHandling || this.#pulls.isAny() });
  }

  #startNoMore(): void {
    this.#isEnding = true;
    for (const timer of this.#restarts) clearTimeout(timer);
  }

  #sendAll(message: ToWorker): void {
    for (const life of this.#lives.values()) life.send(message);
  }

  #checkPulses(): void {
    for (const life of this.#lives.values()) life.checkPulse();
  }

  #killAll(): void {
    for (const life of this.#lives.values()) life.kill();
  }

  async #allEnded(): Promise<void> {
    await Promise.all([...this.#lives.values()].map((life) => life.ended));
  }

  #stopTelling(): void {
    clearInterval(this.#pulses);
    this.#ticker.stop();
    this.#merger.flush();
  }
}
