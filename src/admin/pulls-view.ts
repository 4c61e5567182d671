import { registryLabel } from "../label/registry-label.ts";
import { difference, isoTime, registryHost, toPullRecord, type PullRecord } from "../log/pull-record.ts";
import { redactText } from "../log/redact.ts";
import type { LivePull, PullObserver } from "../pull/pull-event.ts";

export interface PullsViewOptions {
  readonly live: () => readonly LivePull[];
  /** How many finished pulls are kept; 0: none. Default: 100, below 1 MB with 30 blobs each. */
  readonly keep?: number;
  /** Registries (host[:port]) that keep their label when they are refused. Default: none. */
  readonly configured?: ReadonlySet<string>;
  /** Milliseconds since the epoch, from the clock of the events. */
  readonly now: () => number;
}

/** What `/api/pulls` shows. */
export interface PullsView {
  /** Remembers finished pulls. */
  readonly observe: PullObserver;
  readonly toJson: () => string;
}

const DEFAULT_KEEP = 100;

/** 1000 live pulls are listed; the count tells all. */
const MAX_LIVE_LISTED = 1000;

export function createPullsView({ live, now, keep = DEFAULT_KEEP, configured }: PullsViewOptions): PullsView {
  const finished: PullRecord[] = [];
  return {
    observe: (event) => {
      if (event.type !== "pull-finished") return;
      finished.push(toPullRecord(event.pull, configured));
      if (finished.length > keep) finished.shift();
    },
    toJson: () => {
      const pulls = live();
      return JSON.stringify({
        live_count: pulls.length,
        live: pulls.slice(0, MAX_LIVE_LISTED).map((pull) => toLiveRecord(pull, now())),
        finished: finished.toReversed(),
      });
    },
  };
}

/** Fields that the pull log has too mean the same: docs/pull-log.md. */
function toLiveRecord(pull: LivePull, nowMs: number) {
  return {
    id: pull.id,
    state: pull.state,
    registry: registryLabel(pull.registry),
    attempts: pull.attempts,
    registry_host: registryHost(pull.registry),
    repository: redactText(pull.repository),
    reference: redactText(pull.reference),
    listener: redactText(pull.listener),
    client_address: redactText(pull.client.address),
    client_family: redactText(pull.client.family),
    start: isoTime(pull.startMs),
    age_ms: difference(pull.startMs, nowMs),
    idle_ms: difference(pull.lastEventMs, nowMs),
    bytes: pull.bytes,
    open_requests: pull.openTransfers,
    layers_requested: pull.layersRequested,
  };
}
