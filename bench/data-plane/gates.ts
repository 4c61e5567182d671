import { median, pairedRatio, spread } from "../figures/statistics.ts";
import { valuesOf, type Results } from "../figures/results.ts";
import { REFERENCE } from "./candidates.ts";

/** One line of the table below. */
export interface Gate {
  readonly measure: string;
  readonly bound: "at most" | "at least";
  /** A run that misses it fails. */
  readonly gate: number;
  /** So much values move from one short run to the next: by this factor it may miss the gate. Default: 1. */
  readonly slack?: number;
  /** What is aimed at. */
  readonly goal: number;
  readonly value: (results: Results) => number;
  /** What the value was compared with, whose steadiness is looked at; absent for measures of pullmeter alone. */
  readonly reference?: readonly [workload: string, measure: string];
}

const OWN = "pullmeter";

/** 20 %: each program has its share of what else the machine does. */
const RATIO_SLACK = 1.2;

/** 5 %: what garbage makes of it. */
const MEMORY_SLACK = 1.05;

/** Everything that is promised, in one table. */
export const GATES: readonly Gate[] = [
  ratio("CPU per GiB, HTTPS blob, to nginx-64k", ["blob-tls", "cpuSecondsPerGib", REFERENCE], "at most", 1.35, 1.0),
  ratio("CPU per GiB, HTTPS blob, to caddy", ["blob-tls", "cpuSecondsPerGib", "caddy"], "at most", 1.05, 0.85),
  ratio(
    "CPU per GiB, HTTPS blob, to http-proxy",
    ["blob-tls", "cpuSecondsPerGib", "http-proxy"],
    "at most",
    0.55,
    0.42,
  ),
  ratio(
    "CPU per GiB, plaintext blob, to nginx-64k",
    ["blob-plain", "cpuSecondsPerGib", REFERENCE],
    "at most",
    0.65,
    0.5,
  ),
  ratio(
    "CPU per GiB, all features on, to the bare data plane",
    ["blob-tls", "cpuSecondsPerGib", "bare"],
    "at most",
    1.05,
    1.01,
  ),
  ratio("MB/s of 6 HTTPS blobs, to nginx-64k", ["par6", "mbPerSecond", REFERENCE], "at least", 0.9, 1.05),
  ratio(
    "rate of 2 KB manifests, 32 connections, to nginx-64k",
    ["manifest-2k/32", "requestsPerSecond", REFERENCE],
    "at least",
    0.4,
    0.7,
  ),
  ratio(
    "rate of 2 KB manifests, 8 connections, to caddy",
    ["manifest-2k/8", "requestsPerSecond", "caddy"],
    "at least",
    1.2,
    2.0,
  ),
  {
    measure: "added p50 at one connection, to caddy's",
    bound: "at most",
    gate: 1.0,
    goal: 0.55,
    value: (results) => pairedRatio(added(results, OWN), added(results, "caddy")),
    reference: ["latency-1/1", "p50Us"],
    slack: RATIO_SLACK,
  },
  ...[100, 500].flatMap((clients) => slowClients(clients)),
  own("RSS idle, MB", ["idle", "rssMb"], "at most", 80, 60),
  own("start to accepting, ms", ["start", "startMs"], "at most", 300, 150),
  own("idle CPU, ms per 10 s", ["idle", "cpuMsPer10s"], "at most", 5, 5),
  own("write system calls per MiB, HTTPS blob", ["syscalls", "writesPerMib"], "at most", 10, 5),
];

/** 75 MB and 0.35 MB for each client; the aim is 60 and 0.22. And it stays there: 5 MB is what garbage makes of it. */
function slowClients(clients: number): readonly Gate[] {
  const workload = `slow-${clients}`;
  return [
    {
      ...own(
        `RSS with ${clients} slow clients, MB`,
        [workload, "rssMb"],
        "at most",
        75 + 0.35 * clients,
        60 + 0.22 * clients,
      ),
      slack: MEMORY_SLACK,
    },
    own(`growth with ${clients} slow clients, MB`, [workload, "growthMb"], "at most", 5, 2),
  ];
}

function ratio(
  measure: string,
  [workload, value, reference]: readonly [workload: string, measure: string, program: string],
  bound: Gate["bound"],
  ...[gate, goal]: readonly [gate: number, goal: number]
): Gate {
  const valueOf = (results: Results): number =>
    pairedRatio(valuesOf(results, workload, OWN, value), valuesOf(results, workload, reference, value));
  return { measure, bound, gate, goal, value: valueOf, reference: [workload, value], slack: RATIO_SLACK };
}

function own(
  measure: string,
  [workload, value]: readonly [workload: string, measure: string],
  bound: Gate["bound"],
  ...[gate, goal]: readonly [gate: number, goal: number]
): Gate {
  return { measure, bound, gate, goal, value: (results) => median(valuesOf(results, workload, OWN, value)) };
}

/** p50 that a program adds to no proxy at all. */
function added(results: Results, program: string): readonly number[] {
  const without = valuesOf(results, "latency-1/1", "direct", "p50Us");
  return valuesOf(results, "latency-1/1", program, "p50Us").map((p50, round) => p50 - (without[round] ?? 0));
}

/** 30 %: a reference whose rounds lie farther apart tells that the machine does something else. */
const MAX_SPREAD = 0.3;

export type Verdict = "goal reached" | "pass" | "BELOW GATE" | "too noisy" | "not measured";

export interface Judged {
  readonly gate: Gate;
  readonly value: number;
  readonly verdict: Verdict;
  /** Of the reference: NaN without one. */
  readonly referenceSpread: number;
}

export function judge(results: Results): readonly Judged[] {
  return GATES.map((gate) => {
    const value = gate.value(results);
    const reference = gate.reference && valuesOf(results, gate.reference[0], REFERENCE, gate.reference[1]);
    const referenceSpread = reference === undefined ? Number.NaN : spread(reference);
    const slack = results.options.short ? gate.slack : undefined;
    return { gate, value, referenceSpread, verdict: verdictOn({ ...gate, slack }, value, referenceSpread) };
  });
}

function verdictOn(
  { bound, gate, goal, slack = 1 }: Pick<Gate, "bound" | "gate" | "goal"> & { readonly slack: number | undefined },
  value: number,
  referenceSpread: number,
): Verdict {
  if (Number.isNaN(value)) return "not measured";
  if (referenceSpread > MAX_SPREAD) return "too noisy";
  if (bound === "at most") return value <= goal ? "goal reached" : value <= gate * slack ? "pass" : "BELOW GATE";
  return value >= goal ? "goal reached" : value >= gate / slack ? "pass" : "BELOW GATE";
}

/** 0: all that was measured holds. 1: a gate is missed. 3: none is, but the machine was too busy to judge them all. */
export function exitCodeOf(judged: readonly Judged[]): 0 | 1 | 3 {
  if (judged.some(({ verdict }) => verdict === "BELOW GATE")) return 1;
  return judged.some(({ verdict }) => verdict === "too noisy") ? 3 : 0;
}
