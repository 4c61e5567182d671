import type { PullObserver } from "./pull-event.ts";
import type { TrackerSettings } from "./settings.ts";

export interface TrackerOptions {
  /** Receives what the tracker tells. Never throws. */
  readonly report: PullObserver;
  readonly settings?: Partial<TrackerSettings>;
  /** Ends every pull id; makes ids of several processes differ. Default: none. */
  readonly idSuffix?: string;
}
