import type { TransferWaits } from "../pull/transfer-event.ts";

/** 5 s without a byte are a stall: longer than a lost packet, a slow disk or a client that commits a layer usually take. */
const STALL_MS = 5_000;

/**
 * Whom a body waits for: the upstream for its next bytes, or the client to take those that are here. What comes while
 * the client does not read says nothing of the upstream, because it is not asked for more.
 */
export class Waits {
  readonly #now: () => number;
  readonly #spent = { upstream: { ms: 0, stalls: 0 }, client: { ms: 0, stalls: 0 } };
  #side: "upstream" | "client" = "upstream";
  #sinceMs: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#sinceMs = now();
  }

  /** Bytes came; `wantsMore` is false when the client has to take some first. */
  received(wantsMore: boolean): void {
    if (this.#side === "client") return;
    this.#turn(wantsMore ? "upstream" : "client");
  }

  /** The client took what was here. */
  taken(): void {
    if (this.#side === "client") this.#turn("upstream");
  }

  /** The last byte came: what remains is the client's. */
  ended(): void {
    if (this.#side === "upstream") this.#turn("client");
  }

  /** Everything until now. */
  read(): TransferWaits {
    this.#turn(this.#side);
    const { upstream, client } = this.#spent;
    return {
      upstreamMs: Math.round(upstream.ms),
      clientMs: Math.round(client.ms),
      upstreamStalls: upstream.stalls,
      clientStalls: client.stalls,
    };
  }

  #turn(next: "upstream" | "client"): void {
    const nowMs = this.#now();
    const waitedMs = Math.max(0, nowMs - this.#sinceMs);
    const spent = this.#spent[this.#side];
    spent.ms += waitedMs;
    if (waitedMs >= STALL_MS) spent.stalls += 1;
    this.#side = next;
    this.#sinceMs = nowMs;
  }
}
