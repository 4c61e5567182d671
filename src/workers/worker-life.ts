import type { BoundListener } from "../proxy/listener.ts";
import type { Observer, TransferEvent } from "../pull/transfer-event.ts";
import type { JointCircuits } from "./joint-circuits.ts";
import type { Start, SystemProblem, ToPrimary, ToWorker, Usage } from "./messages.ts";
import { Numbering, type LastNumbers } from "./numbering.ts";
import { OpenEnds } from "./open-ends.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** What all workers share, and who wants to know of them. */
export interface Household {
  /** Takes what one worker tells; the observer is called once for each event, in the order of all workers. */
  readonly tell: (events: readonly TransferEvent[], observe: Observer) => void;
  readonly circuits: JointCircuits;
  readonly last: LastNumbers;
  /** Told each event, in the order of all workers. */
  readonly observe: Observer;
  readonly now: () => number;
  readonly used: (worker: number, usage: Usage) => void;
  /** A worker that drains asks for a pull of this repository. */
  readonly isUnderWay: (registry: string, repository: string) => Promise<boolean>;
}

/** 5 s: how often workers tell what they take of the machine. A scrape comes every 10 s or more. */
export const PULSE_MS = 5_000;

/** 30 s: a worker that is silent for so long serves nobody any more, and its clients wait for nothing. */
const MAX_SILENT_TICKS = 6;

/** One worker from its start to its end. */
export class WorkerLife {
  readonly number: number;
  readonly startedMs = performance.now();
  /** Resolves with how it ended, after everything it owed was told. */
  readonly ended: Promise<string>;
  readonly listening: Promise<readonly BoundListener[]>;
  readonly #child: WorkerProcess;
  readonly #household: Household;
  readonly #openEnds = new OpenEnds();
  readonly #numbering: Numbering;
  readonly #told = new Map<number, () => void>();
  #questions = 0;
  #silentTicks = 0;
  #isAsked = false;
  /** One that does not listen yet has nothing to tell. */
  #toldUntilMs = Number.POSITIVE_INFINITY;

  constructor(number: number, child: WorkerProcess, start: () => Start, household: Household) {
    this.number = number;
    this.#child = child;
    this.#household = household;
    this.#numbering = new Numbering(household.last);
    this.ended = child.ended.then((how) => this.#end(how));
    this.listening = new Promise((resolve, reject) => {
      child.onMessage((message) => {
        this.#silentTicks = 0;
        if (message.type === "ready") child.send(start());
        else if (message.type === "listening") this.#listens(resolve, message.listeners);
        else if (message.type === "cannot-listen") reject(toError(message.problem));
        else this.#receive(message);
      });
      void this.ended.then((how) => reject(new Error(`worker ${number} ended before it listened: ${how}`)));
    });
    // Whoever waits for it hears of it; of one that is started anew, its end tells.
    this.listening.catch(() => {});
  }

  /** Requests that it handles. */
  get transfers(): number {
    return this.#openEnds.transfers;
  }

  /** Until when it has told everything. */
  get toldUntilMs(): number {
    return this.#toldUntilMs;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Called now and then: ends it if it told nothing for too long, as it tells what it takes of the machine even when nobody
   * asks for anything. Counted, not timed: after this process stood still itself, messages are read only behind timers.
   */
  checkPulse(): void {
    this.#silentTicks += 1;
    if (this.#silentTicks > MAX_SILENT_TICKS) this.kill();
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill();
  }

  send(message: ToWorker): void {
    this.#child.send(message);
  }

  /** Asks it to tell, unless it is asked already. */
  ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    void this.tell().finally(() => (this.#isAsked = false));
  }

  /** Resolves when it has told everything that happened before, or can tell nothing any more. */
  tell(): Promise<void> {
    this.#questions += 1;
    const question = this.#questions;
    return new Promise((resolve) => {
      this.#told.set(question, resolve);
      void this.ended.then(() => resolve());
      this.send({ type: "tell", question });
    });
  }

  #receive(message: Exclude<ToPrimary, { type: "ready" | "listening" | "cannot-listen" }>): void {
    switch (message.type) {
      case "events":
        this.#add(message.events);
        this.#toldUntilMs = message.untilMs;
        return undefined;
      case "told":
        this.#toldUntilMs = message.untilMs;
        this.#told.get(message.question)?.();
        return void this.#told.delete(message.question);
      case "usage":
        return this.#household.used(this.number, message.usage);
      case "is-under-way":
        return void this.#answer(message.question, message.registry, message.repository);
      case "drained":
        return undefined;
    }
  }

  #listens(resolve: (listeners: readonly BoundListener[]) => void, listeners: readonly BoundListener[]): void {
    this.#toldUntilMs = this.#household.now();
    resolve(listeners);
  }

  async #answer(question: number, registry: string, repository: string): Promise<void> {
    const isUnderWay = await this.#household.isUnderWay(registry, repository);
    this.send({ type: "under-way", question, isUnderWay });
  }

  #add(events: readonly TransferEvent[]): void {
    for (const event of events) this.#openEnds.follow(event);
    this.#household.tell(events, this.#observe);
  }

  readonly #observe: Observer = (event) => {
    const { circuits, observe } = this.#household;
    const told = event.type === "circuit-changed" ? circuits.join(this.number, event) : this.#numbering.renumber(event);
    if (told !== undefined) observe(told);
  };

  #end(how: string): string {
    this.#household.tell(this.#openEnds.end(this.#household.now()), this.#observe);
    return how;
  }
}

function toError({ message, ...facts }: SystemProblem): Error {
  return Object.assign(new Error(message), facts);
}
