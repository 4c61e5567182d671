import type { PullsUnderWay } from "../proxy/draining.ts";
import type { ToPrimary } from "./messages.ts";

/** 1 s: then the primary has other worries, and the request is served: it may be one that has nowhere else to go. */
const ANSWER_TIMEOUT_MS = 1_000;

/** The pulls under way, which only the primary knows, as a worker that drains asks for them. */
export class RemotePulls {
  readonly #send: (message: ToPrimary) => void;
  readonly #asked = new Map<number, (isUnderWay: boolean) => void>();
  /** Until told otherwise there are some. */
  #isAny = true;
  #questions = 0;

  constructor(send: (message: ToPrimary) => void) {
    this.#send = send;
  }

  underWay(quietMs: number): PullsUnderWay {
    return {
      quietMs,
      isAny: () => this.#isAny,
      isOf: (registry, repository) => this.#ask(registry, repository),
    };
  }

  told(isAny: boolean): void {
    this.#isAny = isAny;
  }

  answered(question: number, isUnderWay: boolean): void {
    this.#asked.get(question)?.(isUnderWay);
  }

  #ask(registry: string, repository: string): Promise<boolean> {
    this.#questions += 1;
    const question = this.#questions;
    return new Promise((resolve) => {
      const answer = (isUnderWay: boolean): void => {
        clearTimeout(timer);
        this.#asked.delete(question);
        resolve(isUnderWay);
      };
      const timer = setTimeout(() => answer(true), ANSWER_TIMEOUT_MS);
      this.#asked.set(question, answer);
      this.#send({ type: "is-under-way", question, registry, repository });
    });
  }
}
