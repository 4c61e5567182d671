/** Something that goes wrong on purpose with the requests that match. */
export interface Fault {
  /** Tested against method and target, for example `GET /v2/demo/app/blobs/sha256:…`. */
  readonly request: RegExp;
  /** This many matching requests are left alone first. Default: 0. */
  readonly skip?: number;
  /** This many are hit after that. Default: all. */
  readonly times?: number;
  readonly action: FaultAction;
}

export type FaultAction =
  /** Answers this in place of what was asked for; header names, order and duplicates are kept. */
  | {
      readonly kind: "respond";
      readonly status: number;
      readonly headers?: readonly (readonly [name: string, value: string])[];
      readonly body?: string | Uint8Array;
    }
  /** Closes the connection without an answer. */
  | { readonly kind: "drop" }
  /** Never answers, until the client goes away. */
  | { readonly kind: "silence" }
  /** Answers as usual, after a while. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Closes the connection after so many bytes of the body; a shorter body comes whole. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** Sends so many bytes of the body and no more, until the client goes away; a shorter body comes whole. */
  | { readonly kind: "stall"; readonly afterBytes: number };

/** Picks the fault for each request: the first that matches and is not used up. */
export class FaultScript {
  readonly #faults: { readonly fault: Fault; seen: number }[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults.map((fault) => ({ fault, seen: 0 }));
  }

  next(method: string, target: string): FaultAction | undefined {
    for (const entry of this.#faults) {
      const { request, skip = 0, times = Infinity, action } = entry.fault;
      if (!request.test(`${method} ${target}`)) continue;
      entry.seen += 1;
      if (entry.seen > skip && entry.seen <= skip + times) return action;
    }
    return undefined;
  }
}
