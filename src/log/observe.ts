import type { PullObserver } from "../pull/pull-event.ts";
import type { Logger } from "./logger.ts";
import { toPullRecord } from "./pull-record.ts";

/** Writes one line for each finished pull. `configured`: see `toPullRecord`. */
export function logPulls(logger: Logger, configured?: ReadonlySet<string>): PullObserver {
  return (event) => {
    if (event.type === "pull-finished") logger.info("pull finished", toPullRecord(event.pull, configured));
    if (event.type === "bound-hit") logger.debug("bound of the pull tracker hit", { bound: event.bound });
  };
}
