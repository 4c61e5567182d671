import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Job, JobResult } from "./job.ts";

/** A client in a process of its own, cheaper than any proxy: one buffer, nothing copied, nothing kept. */
export class Client {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, "client-main.ts"));
  readonly #ended: Promise<unknown> = once(this.#child, "exit");

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Does one job. Throws if anything about it went wrong. */
  async do(job: Job): Promise<JobResult> {
    const answer = once(this.#child, "message");
    this.#child.send(job);
    const told = await Promise.race([answer, this.#ended.then(() => undefined)]);
    if (told === undefined) throw new Error("the client's process ended");
    const [result] = told as [JobResult];
    const [problem] = result.problems;
    if (problem !== undefined) throw new Error(`${job.kind}: ${result.problems.length} went wrong: ${problem}`);
    return result;
  }

  async stop(): Promise<void> {
    this.#child.disconnect();
    await this.#ended;
  }
}
