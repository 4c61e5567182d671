import type { Expose } from "./exposition.ts";

/** https://github.com/prometheus/pushgateway#about-the-job-and-instance-labels: what groups the metrics of one process. */
export interface PushGroup {
  readonly job: string;
  readonly instance: string;
}

export interface PushOptions {
  readonly expose: Expose;
  /** Resolves with the Pushgateway's status; rejects when there is none. */
  readonly post: (body: string, signal: AbortSignal) => Promise<number>;
  readonly timeoutMs: number;
}

/** The only format that every version of the Pushgateway takes. */
export const PUSHED_FORMAT = "text/plain; version=0.0.4";

/** Where the metrics of a group go. */
export function pushUrl(base: URL, { job, instance }: PushGroup): URL {
  const folder = base.pathname.replace(/\/$/, "");
  return new URL(`${folder}/metrics/job/${encodeURIComponent(job)}/instance/${encodeURIComponent(instance)}`, base);
}

/** Sends all metrics as they are now. Resolves with why they did not arrive, or undefined. Never rejects. */
export async function pushMetrics({ expose, post, timeoutMs }: PushOptions): Promise<string | undefined> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const { body } = await expose(PUSHED_FORMAT);
    const status = await post(typeof body === "string" ? body : new TextDecoder().decode(body), signal);
    return status >= 200 && status <= 299 ? undefined : `the Pushgateway answered ${status}`;
  } catch (error) {
    if (signal.aborted) return `no answer in ${timeoutMs / 1000} s`;
    return error instanceof Error ? error.message : String(error);
  }
}
