import type { Expose } from "../../src/metrics/exposition.ts";

/** What a scrape with this `Accept` header is answered with, as text. */
export async function expositionText(expose: Expose, accept?: string): Promise<string> {
  return Buffer.from((await expose(accept)).body).toString();
}
