import type { Ping } from "./pings.ts";
import type { Bound, PullObserver, UnassignedReason } from "./pull-event.ts";

/** What is told beside pulls. */
export class Reports {
  readonly #report: PullObserver;

  constructor(report: PullObserver) {
    this.#report = report;
  }

  unassigned(registry: string, reason: UnassignedReason): void {
    this.#report({ type: "unassigned", reason, registry });
  }

  unclaimed(pings: readonly Ping[]): void {
    for (const { registry } of pings) this.unassigned(registry, "unclaimed_ping");
  }

  hit(bound: Bound): void {
    this.#report({ type: "bound-hit", bound });
  }
}
