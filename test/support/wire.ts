import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readRecording } from "../../src/cli/recording.ts";
import type { TransferEvent } from "../../src/pull/transfer-event.ts";
import { readTruth, type Truth } from "./score.ts";

const WIRE = join(import.meta.dirname, "..", "fixtures", "wire");

/** What one recording of one or two pulls must show; null: not asserted. */
export interface Expectation {
  readonly pulls: number | null;
  readonly status: "ok" | "error" | null;
  readonly on_disk: boolean | null;
  readonly has_creds: boolean | null;
}

export function readExpectations(): readonly (Expectation & { readonly name: string; readonly path: string })[] {
  const json = JSON.parse(readFileSync(join(WIRE, "expected.json"), "utf8")) as Record<string, Expectation>;
  return Object.entries(json).map(([name, expected]) => ({ ...expected, name, path: join(WIRE, `${name}.jsonl`) }));
}

export function recordingPath(name: string): string {
  return join(WIRE, `${name}.jsonl`);
}

/** A concurrent run with the truth about each of its requests. */
export interface HeavyRun {
  /** For example `podman-5.8.6`. */
  readonly client: string;
  readonly name: string;
  readonly recording: string;
  readonly truth: Truth;
}

export function readHeavyRuns(): readonly HeavyRun[] {
  const heavy = join(WIRE, "heavy");
  return readdirSync(heavy, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name: client }) =>
      readdirSync(join(heavy, client))
        .filter((file) => file.endsWith(".jsonl.gz"))
        .map((file) => {
          const recording = join(heavy, client, file);
          const truth = readTruth(recording.replace(".jsonl.gz", ".truth.json"));
          return { client, name: file.replace(".jsonl.gz", ""), recording, truth };
        }),
    );
}

/** The run as it looks when each process's id, or each pull's trace id, is known. */
export function withStrongKeys({ recording, truth }: HeavyRun): TransferEvent[] {
  const events = readRecording(recording);
  const owners = new Map<number, number>();
  for (const event of events) {
    if (event.type !== "started") continue;
    const owner = truth.requests[event.transfer];
    if (owner !== undefined) owners.set(event.connection, owner);
  }
  return events.map((event) => {
    if (event.type === "connection-opened") {
      const peerProcess = owners.get(event.connection);
      return peerProcess === undefined ? event : { ...event, peerProcess };
    }
    if (event.type !== "started" || !event.userAgent.startsWith("containerd/")) return event;
    const owner = truth.requests[event.transfer];
    return owner === undefined ? event : { ...event, traceId: owner.toString(16).padStart(32, "0") };
  });
}
