import type { Cell } from "./cells.ts";
import type { Injection } from "./injections.ts";
import { PHASES, TIMES, type Phase } from "./phases.ts";
import type { Offer } from "./raw-server.ts";
import type { RequestHead } from "./request-heads.ts";

/** Which of a cell's two servers. */
export type Role = "registry" | "storage";

export const LOOPBACK = "127.0.0.1";

/** Decides, for one cell, when its fault happens: in its phase, as often as it shall. */
export class CellPlan {
  readonly #cell: Cell;
  readonly #times: number;
  /** The phase that the client comes to next. */
  #next: Phase | undefined;
  #happened = 0;
  #cuts = 0;

  constructor(cell: Cell, first: Phase) {
    this.#cell = cell;
    this.#times = TIMES[cell.repeat];
    this.#next = first;
  }

  /** How often the fault happened. */
  get happened(): number {
    return this.#happened;
  }

  /** Faults of connections need a new one for each request. */
  get closesConnections(): boolean {
    return this.#cell.fault.place.at === "name" || this.#cell.fault.place.at === "accept";
  }

  /** An address, or the code of an error. */
  addressOf(role: Role): string {
    const { fault } = this.#cell;
    const isHit = role === "storage" ? fault.behindRedirect === true : fault.behindRedirect !== true && this.#isNext;
    if (fault.place.at !== "name" || !isHit || !this.#happensNow()) return LOOPBACK;
    return fault.place.resolvesTo;
  }

  offer(role: Role): Offer {
    const { place } = this.#cell.fault;
    if (place.at !== "accept" || role === "storage" || !this.#isNext || !this.#happensNow()) return "trusted";
    return place.offers;
  }

  /** True if the registry is to send this request to the storage. */
  redirects(phase: Phase | undefined): boolean {
    return this.#cell.redirected && phase === this.#cell.phase;
  }

  /** What happens to this request; undefined: it is answered well. `share`: where in the body. */
  injectionFor(
    phase: Phase | undefined,
    { headers }: RequestHead,
  ): { readonly inject: Injection; readonly share: number } | undefined {
    const { fault } = this.#cell;
    if (phase !== this.#cell.phase || fault.place.at === "name" || fault.place.at === "accept") return undefined;
    if (fault.place.at === "resume" && !headers.has("range")) {
      return this.#cuts < this.#times ? { inject: fault.place.cut, share: this.#cell.share(this.#cuts++) } : undefined;
    }
    return this.#happensNow() ? { inject: fault.place.inject, share: this.#cell.share(this.#happened - 1) } : undefined;
  }

  /** The request of this phase was answered well. */
  answered(phase: Phase | undefined): void {
    if (phase !== undefined) this.#next = PHASES[PHASES.indexOf(phase) + 1];
  }

  get #isNext(): boolean {
    return this.#next === this.#cell.phase;
  }

  #happensNow(): boolean {
    if (this.#happened >= this.#times) return false;
    this.#happened += 1;
    return true;
  }
}
