import { traceparentOf } from "./attribution.ts";
import { REGISTRIES } from "./registries.ts";
import type { Exchange } from "./tap.ts";
import { askedFor, type TruePull } from "./truth.ts";

/** A pull as the program under test reported it. */
export interface ObservedPull {
  readonly id: string;
  /** The label. */
  readonly registry: string;
  readonly repository: string;
  readonly reference: string;
  readonly status: string;
  readonly cause: string;
  readonly onDisk: boolean;
  readonly hasCreds: boolean;
  readonly isolation: string;
  readonly trigger: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly traceId?: string;
  /** The client's process, where the program looked it up. */
  readonly process?: number;
  readonly blobs: readonly { readonly digest: string; readonly startMs: number }[];
}

export const FIELDS = ["status", "on_disk", "has_creds", "registry", "trigger", "isolation", "duration"] as const;
export type Field = (typeof FIELDS)[number];

/** One true pull with its observation, and what is wrong in it. */
export interface Pair {
  readonly truth: TruePull;
  readonly observed: ObservedPull;
  readonly wrong: readonly { readonly field: Field; readonly expected: string; readonly got: string }[];
}

export interface Comparison {
  readonly pairs: readonly Pair[];
  readonly missed: readonly TruePull[];
  readonly extra: readonly ObservedPull[];
  /** How many pulls each field could be compared in. */
  readonly compared: Readonly<Record<Field, number>>;
  /** Pulls that failed or were killed without a trace on the wire: their status is not compared. */
  readonly silent: number;
}

/** Finds the observation of each true pull and compares the two. */
export function compare(truths: readonly TruePull[], observations: readonly ObservedPull[]): Comparison {
  const matched = match(truths, observations);
  const compared = Object.fromEntries(FIELDS.map((field) => [field, 0])) as Record<Field, number>;
  const pairs = [...matched].map(([truth, observed]) => {
    const checks = checksOf(truth, observed).filter(({ expected }) => expected !== undefined);
    for (const { field } of checks) compared[field] += 1;
    const wrong = checks.filter(({ right }) => !right);
    return {
      truth,
      observed,
      wrong: wrong.map(({ field, expected, got }) => ({ field, expected: String(expected), got: String(got) })),
    };
  });
  const taken = new Set(matched.values());
  return {
    pairs,
    missed: truths.filter((truth) => truth.visible === true && !matched.has(truth)),
    extra: observations.filter((observed) => !taken.has(observed)),
    compared,
    silent: [...matched.keys()].filter((truth) => truth.ok === undefined).length,
  };
}

interface Check {
  readonly field: Field;
  readonly expected: string | number | boolean | undefined;
  readonly got: string | number | boolean;
  readonly right: boolean;
}

/** A duration is right within 1 % or 5 ms, whichever is more. */
const TOLERANCE = { share: 0.01, ms: 5 };

function checksOf(truth: TruePull, observed: ObservedPull): Check[] {
  const registry = REGISTRIES[truth.plan.registry];
  const equal = (field: Field, expected: Check["expected"], got: string | boolean): Check => ({
    field,
    expected,
    got,
    right: expected === got,
  });
  return [
    equal("status", truth.ok === undefined ? undefined : okOrError(truth.ok), okOrError(observed.status === "ok")),
    equal("on_disk", truth.onDisk, observed.onDisk),
    equal("has_creds", truth.hasCreds, observed.hasCreds),
    equal("registry", registry.label, observed.registry),
    equal("trigger", registry.trigger, observed.trigger),
    equal("isolation", registry.isolation, observed.isolation),
    durationCheck(truth, observed),
  ];
}

function durationCheck({ start, end }: TruePull, observed: ObservedPull): Check {
  const got = Math.round(observed.endMs - observed.startMs);
  if (start === undefined || end === undefined) return { field: "duration", expected: undefined, got, right: true };
  const shortest = end.earliestMs - start.latestMs;
  const longest = end.latestMs - start.earliestMs;
  const allowed = Math.max(TOLERANCE.ms, longest * TOLERANCE.share);
  const duration = observed.endMs - observed.startMs;
  const right = duration >= shortest - allowed && duration <= longest + allowed;
  return { field: "duration", expected: `${Math.round(shortest)} to ${Math.round(longest)}`, got, right };
}

function okOrError(ok: boolean): string {
  return ok ? "ok" : "error";
}

/** Pairs one to one, strongest evidence first. */
function match(truths: readonly TruePull[], observations: readonly ObservedPull[]): Map<TruePull, ObservedPull> {
  const shared = sharedRequests(truths, observations);
  const candidates = truths
    .filter(({ visible }) => visible !== false)
    .flatMap((truth) =>
      observations.map((observed) => ({ truth, observed, evidence: evidenceFor(truth, observed, shared) })),
    )
    .filter(({ evidence }) => evidence > 0)
    .toSorted((a, b) => b.evidence - a.evidence);
  const matched = new Map<TruePull, ObservedPull>();
  const taken = new Set<ObservedPull>();
  for (const { truth, observed } of candidates) {
    if (matched.has(truth) || taken.has(observed)) continue;
    matched.set(truth, observed);
    taken.add(observed);
  }
  return matched;
}

/** Milliseconds between the proxy's and the tap's view of one request, with room for a starved machine. */
const SAME_REQUEST_MS = 250;

/** Milliseconds by which two requests can change places between tap and proxy: of two so close nobody knows whose is whose. */
const JITTER_MS = 10;

/** Above any number of shared requests. */
const SAME_KEY = 1_000_000;

function evidenceFor(
  truth: TruePull,
  observed: ObservedPull,
  shared: ReadonlyMap<ObservedPull, ReadonlyMap<TruePull, number>>,
): number {
  if (truth.plan.repository !== observed.repository) return 0;
  if (observed.process !== undefined) return observed.process === truth.result.pid ? SAME_KEY : 0;
  if (observed.traceId !== undefined) return traceparentOf(truth.plan.id).includes(observed.traceId) ? SAME_KEY : 0;
  const count = shared.get(observed)?.get(truth) ?? 0;
  const apartMs = startsApart(truth, observed);
  const together = truth.plan.reference === observed.reference && apartMs <= SAME_REQUEST_MS;
  // How far apart only ranks equals: it stays below 1. Twins that start in the same millisecond differ in their ends.
  const distance = apartMs + Math.min(SAME_REQUEST_MS, endsApart(truth, observed));
  return count + (together ? 1 - distance / (4 * SAME_REQUEST_MS) : 0);
}

function endsApart({ end }: TruePull, observed: ObservedPull): number {
  return end === undefined ? 0 : Math.abs(end.earliestMs - observed.endMs);
}

/** Without a tap a pull starts at some time in its client's life, soon rather than late. */
function startsApart(truth: TruePull, observed: ObservedPull): number {
  if (truth.start !== undefined) return Math.abs(truth.start.earliestMs - observed.startMs);
  const { startMs, endMs } = truth.result;
  // What a killed client had sent is read after its death.
  if (observed.startMs < startMs || observed.startMs > endMs + SAME_REQUEST_MS) return Infinity;
  return SAME_REQUEST_MS * Math.min(1, (observed.startMs - startMs) / Math.max(1, endMs - startMs));
}

/** For each observed pull, how many of its blobs and manifests were asked for by which true pull: nearest in time owns. */
function sharedRequests(
  truths: readonly TruePull[],
  observations: readonly ObservedPull[],
): Map<ObservedPull, Map<TruePull, number>> {
  const requests = truths.flatMap((truth) =>
    truth.exchanges.map((exchange) => ({ truth, exchange, digest: digestOf(exchange) })),
  );
  const byContent = Map.groupBy(requests, ({ truth, digest }) => `${truth.plan.repository}@${digest}`);
  return new Map(
    observations.map((observed) => {
      const counts = new Map<TruePull, number>();
      for (const { digest, startMs } of observed.blobs) {
        const apart = ({ exchange }: { exchange: Exchange }): number => Math.abs(exchange.startMs - startMs);
        const [nearest, ...others] = (byContent.get(`${observed.repository}@${digest}`) ?? []).toSorted(
          (a, b) => apart(a) - apart(b),
        );
        const rival = others.find(({ truth }) => truth !== nearest?.truth);
        const isClear = rival === undefined || nearest === undefined || apart(rival) - apart(nearest) > JITTER_MS;
        if (nearest !== undefined && isClear && apart(nearest) <= SAME_REQUEST_MS)
          counts.set(nearest.truth, (counts.get(nearest.truth) ?? 0) + 1);
      }
      return [observed, counts];
    }),
  );
}

function digestOf(exchange: Exchange): string | undefined {
  const asked = askedFor(exchange);
  return asked?.startsWith("sha256:") === true ? asked : exchange.responseHeaders?.["docker-content-digest"];
}
