import type { PullRequest } from "./candidates.ts";
import { Pull } from "./pull.ts";

export interface Birth {
  readonly id: string;
  /** Of its ping, if it has one. */
  readonly startMs: number;
  readonly peerProcess: number | undefined;
  /** Pulls that were opened before it. */
  readonly order: number;
}

/** The pull that a request begins. */
export function newPull({ event, client, reference, nowMs }: PullRequest, birth: Birth): Pull {
  return new Pull({
    ...birth,
    client,
    listener: event.listener,
    registry: event.registry,
    repository: "repository" in event.route ? event.route.repository : "",
    reference,
    userAgent: event.userAgent,
    traceId: event.traceId,
    ...(event.traceParent === undefined ? {} : { traceParent: event.traceParent }),
    isolation: event.isolation,
    trigger: event.trigger,
    nowMs,
  });
}
