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

/** The registries of the demo as its images name them; their labels are `open.test` and `token.test`. */
export const OPEN_REGISTRY = "registry.open.test";
export const GUARDED_REGISTRY = "registry.token.test";

/** The pulls of the demo, made one after the other by a client with an empty disk. */
export const SCENARIO: readonly DemoPull[] = [
  { what: "cold, 4 layers", listener: "open", repository: "demo/app", reference: "v1" },
  { what: "again, on disk", listener: "open", repository: "demo/app", reference: "v1" },
  { what: "1 of 4 is new", listener: "open", repository: "demo/app", reference: "v2" },
  { what: "2 of 3 shared", listener: "open", repository: "demo/other", reference: "v1" },
  { what: "multi-arch", listener: "warmup", repository: "demo/multi", reference: "v1" },
  { what: "cut and resumed", listener: "open", repository: "demo/flaky", reference: "v1" },
  { what: "missing tag", listener: "open", repository: "demo/app", reference: "missing" },
  { what: "layer gives 500", listener: "open", repository: "demo/broken", reference: "v1" },
  { what: "anonymous token", listener: "guarded", repository: "team/tools", reference: "v1" },
  { what: "no credentials", listener: "guarded", repository: "team/secret", reference: "v1" },
  {
    what: "with user alice",
    listener: "guarded",
    repository: "team/secret",
    reference: "v1",
    credentials: DEMO_USER,
  },
];
