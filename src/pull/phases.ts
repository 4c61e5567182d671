import type { Role } from "./content.ts";
import type { AnsweredPing } from "./pings.ts";
import type { FinishedPull } from "./pull-event.ts";
import type { Purpose, Transfer } from "./transfer.ts";

/** The stages of a pull, in their order. */
const STAGES = ["resolve", "manifest", "config", "layers"] as const;

type Stage = (typeof STAGES)[number];

/** What the duration of a pull is made of: its stages, and the waits for tokens between their requests. */
export type Part = Stage | "auth";

/** Parts add up to the duration; the first byte of its blobs and what a client commits after its end stand beside. */
export type Phase = Part | "first_byte" | "commit";

/** Milliseconds by phase. A phase that took no time, or is not known, is left out. */
export type Phases = Readonly<Partial<Record<Phase, number>>>;

/**
 * Splits the time of one pull. Each moment belongs to the last stage that has begun, whatever of an earlier one is still
 * open; but from a 401 that leaves the pull without an open request, to its next request, the client gets a token.
 */
export class PhaseClock {
  #stage: Stage = "resolve";
  #getsToken = false;
  #sinceMs: number;
  readonly #spentMs: Record<Part, number> = { resolve: 0, auth: 0, manifest: 0, config: 0, layers: 0 };
  /** The same at the last response, else the first request: there the pull ends if no response follows. */
  #settledMs: Readonly<Record<Part, number>> | undefined;

  constructor(startMs: number) {
    this.#sinceMs = startMs;
  }

  /** The ping with which the pull begins, or begins again. */
  claim({ startMs, answeredMs, isChallenge }: AnsweredPing): void {
    this.#pass(startMs);
    this.#stage = "resolve";
    this.#pass(answeredMs);
    this.#getsToken = isChallenge;
  }

  /** A request of the pull began. */
  request(purpose: Purpose, role: Role, nowMs: number): void {
    this.#pass(nowMs);
    this.#settledMs ??= { ...this.#spentMs };
    this.#getsToken = false;
    if (purpose === "manifest") this.#reach("manifest");
    if (purpose === "blob") this.#reach(role === "config" ? "config" : "layers");
  }

  /** The head of a response: what names the image ends its resolution. */
  respond({ purpose, status = 0 }: Pick<Transfer, "purpose" | "status">, nowMs: number): void {
    this.#pass(nowMs);
    if (purpose === "resolve" && status < 400) this.#reach("manifest");
  }

  /** The end of a response; `open`: how many requests of the pull are left. */
  end({ status }: Pick<Transfer, "status">, open: number, nowMs: number): void {
    this.#pass(nowMs);
    this.#settledMs = { ...this.#spentMs };
    if (status === 401 && open === 0) this.#getsToken = true;
  }

  /** What the time up to the last response was spent on. */
  get parts(): Readonly<Record<Part, number>> {
    return this.#settledMs ?? this.#spentMs;
  }

  #reach(stage: Stage): void {
    if (STAGES.indexOf(stage) > STAGES.indexOf(this.#stage)) this.#stage = stage;
  }

  #pass(nowMs: number): void {
    // The ping that repeats a pull may have begun before the pull's last response ended.
    const passedMs = Math.max(0, nowMs - this.#sinceMs);
    this.#spentMs[this.#getsToken ? "auth" : this.#stage] += passedMs;
    this.#sinceMs += passedMs;
  }
}

type Observed = Pick<
  FinishedPull,
  "endMs" | "ownEndMs" | "lastCloseMs" | "endRule" | "cause" | "layersRequested" | "blobs"
>;

/** The phases of a pull that is over. Waiting for what another pull reads is waiting for layers. */
export function toPhases(parts: Readonly<Record<Part, number>>, pull: Observed): Phases {
  const { endMs, ownEndMs = endMs } = pull;
  const phases: Record<Phase, number> = {
    ...parts,
    layers: parts.layers + endMs - ownEndMs,
    first_byte: Math.max(0, ...pull.blobs.map(firstByteMs)),
    commit: commitMs(pull),
  };
  return Object.fromEntries(Object.entries(phases).filter(([, spentMs]) => spentMs > 0));
}

/** From the first request for a config or layer to the head of its first response. */
function firstByteMs({ role, startMs, firstByteMs: headMs = startMs }: FinishedPull["blobs"][number]): number {
  return role === "manifest" ? 0 : headMs - startMs;
}

/** Who fails commits nothing, and who has it all on disk neither. */
function commitMs({ endMs, lastCloseMs = endMs, endRule, cause, layersRequested }: Observed): number {
  const commits = endRule === "connections_closed" && cause === "none" && layersRequested > 0;
  return commits ? lastCloseMs - endMs : 0;
}
