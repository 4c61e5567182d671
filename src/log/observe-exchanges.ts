import type { Observer, TransferEvent } from "../pull/transfer-event.ts";
import type { Logger } from "./logger.ts";

/** 10 lines per second: all that a hiccup leads to, and of an outage enough to see whose it is. */
const MAX_LINES = 10;
const PERIOD_MS = 1_000;

/**
 * Warns of each request that got no response from where it was sent, in the words that its client is told, and of each
 * body that had to go on over another connection. What a second has no room for is counted, and told with whatever
 * happens after it. A client that went away is no failure.
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
    const line = lineOf(event);
    if (line === undefined) return;
    if (lines === MAX_LINES) {
      suppressed++;
    } else {
      lines++;
      logger.warn(...line);
    }
  };
}

function lineOf(event: TransferEvent): Parameters<Logger["warn"]> | undefined {
  if (event.type === "upstream-exchanged") {
    const { registry, host, outcome: cause, detail } = event;
    if (typeof cause === "number" || cause === "client_aborted") return undefined;
    return ["request to a registry failed", { registry_host: registry, host, cause, detail }];
  }
  if (event.type === "upstream-repeated" && event.repeated === "body") {
    return ["a cut body went on over another connection", { registry_host: event.registry, cause: event.cause }];
  }
  return undefined;
}
