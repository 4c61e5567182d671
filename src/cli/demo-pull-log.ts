import type { PullRecord } from "../log/pull-record.ts";

/** Takes the lines of the log in place of standard error, and tells of the pulls in them. */
export class PullLog {
  /** Lines of the demo's own finished pulls, as they would be on standard error. */
  readonly lines: string[] = [];
  /** Is told of pulls by other clients: the demo's listeners take any. */
  onForeignPull: (record: PullRecord) => void = () => undefined;
  readonly #arrived: PullRecord[] = [];
  #waiting: ((record: PullRecord) => void) | undefined;

  write(line: string): void {
    const record: unknown = JSON.parse(line);
    if (!isPullRecord(record)) return;
    if (record.client_family !== "demo") return this.onForeignPull(record);
    this.lines.push(line.trimEnd());
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(record);
    else this.#arrived.push(record);
  }

  /** The demo's next pull that was not told yet; undefined if there is none before the signal. For one caller at a time. */
  next(signal: AbortSignal): Promise<PullRecord | undefined> {
    const arrived = this.#arrived.shift();
    if (arrived || signal.aborted) return Promise.resolve(arrived);
    return new Promise((resolve) => {
      const giveUp = (): void => {
        this.#waiting = undefined;
        resolve(undefined);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#waiting = (record) => {
        signal.removeEventListener("abort", giveUp);
        resolve(record);
      };
    });
  }
}

function isPullRecord(value: unknown): value is PullRecord {
  return typeof value === "object" && value !== null && "schema" in value && "duration_ms" in value;
}
