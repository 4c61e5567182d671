import { parseOptions, UsageError, wholeNumber } from "../command-line.ts";
import { CANDIDATES } from "./candidates.ts";
import { WORKLOADS } from "./workloads.ts";

export interface Options {
  /** Names of workloads, in the order in which they are run. */
  readonly workloads: readonly string[];
  readonly programs: readonly string[];
  readonly rounds: number;
  /** Of downloads: in the short form there are more of them, because each takes less than a second. */
  readonly blobRounds: number;
  /** Of the one large blob; parallel ones have a quarter of it. */
  readonly sizeMib: number;
  /** How long slow clients are watched: pullmeter, and the others. */
  readonly slowSeconds: { readonly own: number; readonly peers: number };
  readonly wrkSeconds: number;
  readonly json: string | undefined;
  readonly gate: boolean;
  readonly short: boolean;
}

export const USAGE = `npm run bench -- [--short] [--gate] [--workload NAME,…] [--peers NAME,…] [--rounds 7] [--size 1024] [--json FILE]

  --short     less of everything, for CI: three to four minutes
  --gate      ends with 1 if a gate is missed, with 3 if the machine is too busy to judge
  --workload  ${WORKLOADS.map(({ name }) => name).join(", ")}
  --peers     ${CANDIDATES.map(({ name }) => name).join(", ")}
  --rounds    of each program in each workload
  --size      of the large blob, in MiB
  --json      where to write every value of every round`;

const ALL_PEERS = CANDIDATES.map(({ name }) => name);
const PEERS_SHORT = ["direct", "nginx-64k", "caddy", "http-proxy", "bare"];

/** Everything that has a gate, but for the longest. */
const WORKLOADS_SHORT = [
  "start",
  "idle",
  "blob-tls",
  "blob-plain",
  "par6",
  "manifest-2k",
  "latency-1",
  "slow-100",
  "syscalls",
];

const FULL = {
  rounds: 7,
  blobRounds: 7,
  sizeMib: 1024,
  slowSeconds: { own: 60, peers: 20 },
  wrkSeconds: 2,
  workloads: WORKLOADS.map(({ name }) => name),
  peers: ALL_PEERS,
};
const SHORT = {
  rounds: 3,
  blobRounds: 9,
  sizeMib: 256,
  slowSeconds: { own: 15, peers: 0 },
  wrkSeconds: 1,
  workloads: WORKLOADS_SHORT,
  peers: PEERS_SHORT,
};

/** Reads the command line. Throws a UsageError. */
export function readOptions(args: readonly string[]): Options {
  const values = parseOptions(
    {
      workload: { type: "string" },
      peers: { type: "string" },
      rounds: { type: "string" },
      size: { type: "string" },
      json: { type: "string" },
      gate: { type: "boolean", default: false },
      short: { type: "boolean", default: false },
    },
    [...args],
  );
  const form = values.short ? SHORT : FULL;
  const peers = names("peers", values.peers, ALL_PEERS) ?? form.peers;
  const rounds = count("rounds", values.rounds);
  const chosen = names("workload", values.workload, FULL.workloads) ?? form.workloads;
  return {
    workloads: FULL.workloads.filter((name) => chosen.includes(name)),
    // What is measured is always there, and so is what everything is compared with.
    programs: ALL_PEERS.filter((name) => peers.includes(name) || name === "pullmeter" || name === "nginx-64k"),
    rounds: rounds ?? form.rounds,
    blobRounds: rounds ?? form.blobRounds,
    sizeMib: count("size", values.size) ?? form.sizeMib,
    slowSeconds: form.slowSeconds,
    wrkSeconds: form.wrkSeconds,
    json: values.json,
    gate: values.gate,
    short: values.short,
  };
}

function names(option: string, text: string | undefined, known: readonly string[]): readonly string[] | undefined {
  const given = text?.split(",").map((name) => name.trim());
  const unknown = given?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`--${option}: "${unknown}" is none of ${known.join(", ")}`);
  return given;
}

function count(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber(`--${option}`, text);
}
