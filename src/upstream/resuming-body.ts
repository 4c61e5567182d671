import { pause, type CancelSignal } from "./cancellation.ts";
import { headersForRest, readContinuation, saysNothingIsLeft, type Content } from "./continuation.ts";
import type { UpstreamBody } from "./exchange.ts";
import type { Followed, Place } from "./follow.ts";
import { headerValue } from "./raw-headers.ts";
import { toUpstreamError, UpstreamError } from "./upstream-error.ts";

export interface ResumptionOptions {
  /** What the first response promised. */
  readonly content: Content;
  /** Asks for the blob once more, beginning at this place, or else at the registry. Rejects with an UpstreamError. */
  readonly ask: (from: Place | undefined, headers: readonly string[]) => Promise<Followed>;
  /** False when enough was resumed for this pull. */
  readonly mayResume: () => boolean;
  /** Told when the body goes on after `failure`. */
  readonly onResume: (failure: UpstreamError) => void;
  /** How long to look for the rest without a byte, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: CancelSignal;
  readonly now: () => number;
}

/** 20 for one blob: a connection that breaks more often makes no download. */
const MAX_RESUMES = 20;

/** 3: a wrong answer thrice is no accident. */
const MAX_WRONG_ANSWERS = 3;

/** The rest is asked for at once, then after 250 ms, and so on, twice as long each time, up to 8 s. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;

/** A body that goes on from where its connection was cut, so that its client sees one body. */
export class ResumingBody implements UpstreamBody {
  readonly #options: ResumptionOptions;
  #body: UpstreamBody;
  /** Where it comes from. */
  #place: Place | undefined;
  /** What all responses together promised. */
  #content: Content;
  /** Where the part that `#body` is ends, in the blob. */
  #partEnd: number | undefined;
  #delivered = 0;
  #toSkip = 0;
  #resumes = 0;
  /** `#delivered` when the body was cut last, until when its rest is looked for, and how long to wait before. */
  #cutAt = -1;
  #giveUpAtMs = 0;
  #pauseMs = 0;

  constructor(first: Followed, options: ResumptionOptions) {
    this.#body = first.body;
    this.#place = first.place;
    this.#content = options.content;
    this.#partEnd = options.content.end;
    this.#options = options;
  }

  async deliver(onChunk: (chunk: Buffer) => boolean): Promise<void> {
    for (;;) {
      try {
        await this.#body.deliver((chunk) => this.#pass(chunk, onChunk));
        if ((this.#missing ?? 0) === 0) return;
        throw new UpstreamError("truncated", "a part of the blob was too short");
      } catch (error) {
        if (this.#missing === 0) return;
        const failure = toUpstreamError(error, "");
        const found = await this.#findRest(failure);
        if (found === "nothing") throw failure;
        this.#resumes += 1;
        this.#options.onResume(failure);
        if (found === "end") return;
      }
    }
  }

  resume(): void {
    this.#body.resume();
  }

  discard(): void {
    this.#body.discard();
  }

  /** Position in the blob of the next byte to deliver. */
  get #offset(): number {
    return this.#content.start + this.#delivered;
  }

  get #missing(): number | undefined {
    const { end } = this.#content;
    return end === undefined ? undefined : end - this.#offset;
  }

  #pass(chunk: Buffer, onChunk: (chunk: Buffer) => boolean): boolean {
    const skipped = Math.min(this.#toSkip, chunk.length);
    this.#toSkip -= skipped;
    const missing = this.#partEnd === undefined ? chunk.length : this.#partEnd - this.#offset;
    const wanted = chunk.subarray(skipped, skipped + missing);
    if (wanted.length === 0) return true;
    this.#delivered += wanted.length;
    return onChunk(wanted);
  }

  /** `rest`: `#body` is what is missing. `end`: nothing is missing. */
  async #findRest({ failure }: UpstreamError): Promise<"rest" | "end" | "nothing"> {
    const { mayResume, now, signal, timeoutMs } = this.#options;
    if (!RESUMABLE.has(failure) || signal.aborted) return "nothing";
    if (this.#delivered > this.#cutAt) {
      this.#cutAt = this.#delivered;
      this.#giveUpAtMs = now() + timeoutMs;
      this.#pauseMs = 0;
    }
    let wrongAnswers = 0;
    while (this.#resumes < MAX_RESUMES && mayResume()) {
      if (now() + this.#pauseMs >= this.#giveUpAtMs) return "nothing";
      await pause(this.#pauseMs, signal);
      this.#pauseMs = nextPause(this.#pauseMs);
      const found = await this.#askForRest();
      if (signal.aborted) return "nothing";
      if (found === "rest" || found === "end") return found;
      if (found === "wrong") wrongAnswers += 1;
      if (wrongAnswers === MAX_WRONG_ANSWERS) return "nothing";
    }
    return "nothing";
  }

  async #askForRest(): Promise<"rest" | "end" | "wrong" | "no answer"> {
    const { ask, signal } = this.#options;
    const content = this.#content;
    const there = this.#place;
    let isAnswered = false;
    // The end of a redirect needs no token, which may have expired; but its signature may have, too.
    for (const from of there === undefined ? [undefined] : [there, undefined]) {
      if (signal.aborted) break;
      const isThere = from === there;
      const headers = headersForRest(content, this.#offset, isThere);
      const response = await ask(from, headers).catch(() => undefined);
      if (response === undefined) continue;
      const continuation = readContinuation(content, response, this.#offset, isThere);
      if (continuation !== undefined) {
        this.#body = response.body;
        this.#place = response.place;
        this.#content = continuation.content;
        this.#partEnd = continuation.end;
        this.#toSkip = continuation.skip;
        return "rest";
      }
      response.body.discard();
      if (content.end === undefined && saysNothingIsLeft(response, this.#offset)) return "end";
      isAnswered = response.status < 500 && response.status !== 429;
      // RFC 9110 §10.2.3: who says when, is not asked before.
      const waitMs = Number(headerValue(response.headers, "retry-after") ?? 0) * 1000;
      if (waitMs > this.#pauseMs) this.#pauseMs = waitMs;
    }
    return isAnswered ? "wrong" : "no answer";
  }
}

/** A body is cut or stalls; whatever else happens is no accident of the connection. */
const RESUMABLE = new Set(["truncated", "stalled"]);

function nextPause(pauseMs: number): number {
  return Math.min(Math.max(pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
}
