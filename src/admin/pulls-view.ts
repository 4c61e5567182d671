import { registryLabel } from "../label/registry-label.ts";
import { isoTime, toPullRecord, type PullRecord } from "../log/pull-record.ts";
import { redactText } from "../log/redact.ts";
import type { FinishedPull, PullObserver } from "../pull/pull-event.ts";

/** What is known of a pull that is not over. */
export type LivePullFacts = Pick<FinishedPull, "id" | "registry" | "repository" | "reference" | "startMs"> &
  Partial<Pick<FinishedPull, "listener" | "client" | "isolation" | "trigger" | "attempts" | "bytes" | "traceId">>;

export interface PullsViewOptions {
  readonly live: () => readonly LivePullFacts[];
  /** How many finished pulls are kept; 0: none. Default: 100, below 1 MB with 30 blobs each. */
  readonly keep?: number;
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

export function createPullsView({ live, now, keep = DEFAULT_KEEP }: PullsViewOptions): PullsView {
  const finished: PullRecord[] = [];
  return {
    observe: (event) => {
      if (event.type !== "pull-finished") return;
      finished.push(toPullRecord(event.pull));
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

/** The fields have the names and meanings of the pull log: docs/pull-log.md. */
function toLiveRecord(pull: LivePullFacts, nowMs: number) {
  return {
    id: pull.id,
    isolation: redactOptional(pull.isolation),
    registry: registryLabel(pull.registry),
    trigger: pull.trigger,
    attempts: pull.attempts,
    registry_host: redactText(pull.registry),
    repository: redactText(pull.repository),
    reference: redactText(pull.reference),
    listener: redactOptional(pull.listener),
    client_address: redactOptional(pull.client?.address),
    client_family: redactOptional(pull.client?.family),
    trace_id: pull.traceId,
    start: isoTime(pull.startMs),
    age_ms: Math.max(0, Math.round(nowMs - pull.startMs)),
    bytes: pull.bytes,
  };
}

function redactOptional(text: string | undefined): string | undefined {
  return text === undefined ? undefined : redactText(text);
}
