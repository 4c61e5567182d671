import type { Credentials } from "./session.ts";

/** A listener of the demo's proxy. */
export type DemoListener = "open" | "warmup" | "guarded";

/** One pull that the demo makes. */
export interface DemoPull {
  /** What happens, for the table. */
  readonly what: string;
  readonly listener: DemoListener;
  readonly repository: string;
  readonly reference: string;
  readonly credentials?: Credentials;
}

/** The one user of the demo's token service; made up, and good for nothing else. */
export const DEMO_USER: Credentials = { username: "alice", password: "wonderland" };

/** The pulls of the demo, made one after the other by a client with an empty disk. */
export const SCENARIO: readonly DemoPull[] = [
  { what: "first pull: 4 layers", listener: "open", repository: "demo/app", reference: "v1" },
  { what: "again: all on disk", listener: "open", repository: "demo/app", reference: "v1" },
  { what: "next version: 1 new layer", listener: "open", repository: "demo/app", reference: "v2" },
  { what: "other image: 2 layers shared", listener: "open", repository: "demo/other", reference: "v1" },
  { what: "multi-arch, as a warm-up", listener: "warmup", repository: "demo/multi", reference: "v1" },
  { what: "cut in a layer: resumed", listener: "open", repository: "demo/flaky", reference: "v1" },
  { what: "tag that is not there", listener: "open", repository: "demo/app", reference: "missing" },
  { what: "layer answered with 500", listener: "open", repository: "demo/broken", reference: "v1" },
  { what: "anonymous token", listener: "guarded", repository: "team/tools", reference: "v1" },
  { what: "private, no credentials", listener: "guarded", repository: "team/secret", reference: "v1" },
  {
    what: "private, with credentials",
    listener: "guarded",
    repository: "team/secret",
    reference: "v1",
    credentials: DEMO_USER,
  },
];
