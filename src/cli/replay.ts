import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { FinishedPull } from "../pull/pull-event.ts";
import { PullTracker } from "../pull/tracker.ts";
import type { TrackerSettings } from "../pull/settings.ts";
import type { TransferEvent, TransferStarted } from "../pull/transfer-event.ts";
import { readRecording } from "./recording.ts";
import { RecordingError } from "./recording-line.ts";

/** After the last event: longer than any time that the tracker waits. */
const AFTER_MS = 20 * 60 * 1000;

export interface ReplayOutput {
  write(line: string): void;
  /** Default: standard error. */
  writeError?(line: string): void;
}

/**
 * Runs the tracker over recordings and writes one JSON line per recording. Directories are read recursively.
 * Returns the exit code: 0, or 2 if a path is no recording.
 */
export async function replay(paths: string[], output: ReplayOutput): Promise<number> {
  try {
    for (const path of paths.flatMap(findRecordings)) output.write(JSON.stringify(replayFile(path)));
    return 0;
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    const message = `pullmeter replay: ${error.message}`;
    if (output.writeError === undefined) process.stderr.write(`${message}\n`);
    else output.writeError(message);
    return 2;
  }
}

/** What `replay` prints of one pull. */
export interface ReplayedPull {
  readonly registry: string;
  readonly repository: string;
  readonly reference: string;
  readonly status: string;
  readonly cause: string;
  readonly on_disk: boolean;
  readonly has_creds: boolean;
  readonly isolation: string;
  readonly attempts: number;
  readonly startMs: number;
  /** Last response byte of its own requests. */
  readonly endMs: number;
  /** Last response byte of what another pull fetched for it, if later. */
  readonly sharedEndMs?: number;
  readonly bytes: number;
  readonly layersRequested: number;
  readonly layersOnDisk?: number;
  /** Sequence numbers of its manifest and blob requests. */
  readonly requests: readonly number[];
}

export interface ReplayedRecording {
  /** Folder and name without extension, for example `podman-5.8.6/slow`. */
  readonly file: string;
  readonly pulls: readonly ReplayedPull[];
}

function replayFile(path: string): ReplayedRecording {
  return { file: keyOf(path), pulls: replayEvents(readRecording(path)) };
}

/** The pulls that the tracker makes of a recording's events, by start. */
export function replayEvents(
  events: readonly TransferEvent[],
  settings: Partial<TrackerSettings> = {},
): ReplayedPull[] {
  const finished: FinishedPull[] = [];
  const tracker = new PullTracker({
    report: (event) => {
      if (event.type === "pull-finished") finished.push(event.pull);
    },
    settings,
  });
  let lastMs = 0;
  for (const event of events) {
    tracker.observe(event);
    lastMs = Math.max(lastMs, event.atMs);
  }
  tracker.advance(lastMs + AFTER_MS);
  tracker.flush(lastMs + AFTER_MS);
  const pings = new Set(events.filter(isPing).map(({ transfer }) => transfer));
  return finished.toSorted((left, right) => (left.id < right.id ? -1 : 1)).map((pull) => toReplayedPull(pull, pings));
}

function isPing(event: TransferEvent): event is TransferStarted {
  return event.type === "started" && event.route.kind === "ping";
}

function toReplayedPull(pull: FinishedPull, pings: ReadonlySet<number>): ReplayedPull {
  return {
    registry: pull.registry,
    repository: pull.repository,
    reference: pull.reference,
    status: pull.status,
    cause: pull.cause,
    on_disk: pull.onDisk,
    has_creds: pull.hasCreds,
    isolation: pull.isolation,
    attempts: pull.attempts,
    startMs: pull.startMs,
    endMs: pull.ownEndMs ?? pull.endMs,
    ...(pull.ownEndMs === undefined ? {} : { sharedEndMs: pull.endMs }),
    bytes: pull.bytes,
    layersRequested: pull.layersRequested,
    ...(pull.layersOnDisk === undefined ? {} : { layersOnDisk: pull.layersOnDisk }),
    requests: pull.transfers.filter((transfer) => !pings.has(transfer)),
  };
}

const RECORDING = /\.jsonl(?:\.gz)?$/;

/** The recordings in a directory, by name; or the one file. */
function findRecordings(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: "utf8" })
      .filter((name) => RECORDING.test(name))
      .toSorted()
      .map((name) => join(path, name));
  } catch (error) {
    throw new RecordingError(path, error instanceof Error ? error.message : "cannot be read");
  }
}

function keyOf(path: string): string {
  return `${basename(dirname(resolve(path)))}/${basename(path).replace(RECORDING, "")}`;
}
