import { UpstreamError } from "./upstream-error.ts";

/**
 * 32 at once to one origin: a handshake costs about 2 ms of CPU, so that a turn of the event loop with all of them is
 * still short. A thousand that begin together all end late, and so none of them in its time.
 */
const MAX_AT_ONCE = 32;

interface Line {
  running: number;
  readonly waiting: (() => void)[];
}

/** Lets only so many connections to one origin be opened at the same time; the others wait in line. */
export class DialQueue {
  readonly #lines = new Map<string, Line>();

  /** Calls `dial` when it is its turn. Its own time begins then. */
  async take<Result>(origin: string, dial: () => Promise<Result>): Promise<Result> {
    const line = this.#lines.get(origin) ?? { running: 0, waiting: [] };
    this.#lines.set(origin, line);
    if (line.running >= MAX_AT_ONCE) await new Promise<void>((resolve) => line.waiting.push(resolve));
    else line.running += 1;
    try {
      const result = await dial();
      this.#leave(origin, line, line.running <= MAX_AT_ONCE ? 1 : 0);
      return result;
    } catch (error) {
      // Behind connections to a host that may be dead nobody waits: all find out in the same time. One that accepts, and
      // is slow to shake hands, is busy.
      const isBusy = error instanceof UpstreamError && error.failure === "tls";
      this.#leave(origin, line, isBusy ? 1 : line.waiting.length);
      throw error;
    }
  }

  /** Lets the next ones go; each has a place from then on. */
  #leave(origin: string, line: Line, count: number): void {
    const next = line.waiting.splice(0, count);
    line.running += next.length - 1;
    for (const go of next) go();
    if (line.running === 0) this.#lines.delete(origin);
  }
}
