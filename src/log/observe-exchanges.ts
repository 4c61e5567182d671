import type { Observer } from "../pull/transfer-event.ts";
import type { Logger } from "./logger.ts";

/** 10 lines per second: all that a hiccup leads to, and of an outage enough to see whose it is. */
const MAX_LINES = 10;
const PERIOD_MS = 1_000;

/**
 * Warns of each request that got no response from where it was sent, in the words that its client is told. What a
 * second has no room for is counted, and told with whatever happens after it. A client that went away is no failure.
 */
export function logExchanges(logger: Logger): Observer {
  let periodStartMs = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let suppressed = 0;
  return (event) => {
    if (event.atMs - periodStartMs >= PERIOD_MS) {
      if (suppressed > 0) logger.warn("more requests to registries failed than were logged", { suppressed });
      periodStartMs = event.atMs;
      lines = 0;
      suppressed = 0;
    }
    if (event.type !== "upstream-exchanged") return;
    const { registry, host, outcome: cause, detail } = event;
    if (typeof cause === "number" || cause === "client_aborted") return;
    if (lines === MAX_LINES) {
      suppressed++;
    } else {
      lines++;
      logger.warn("request to a registry failed", { registry_host: registry, host, cause, detail });
    }
  };
}
