import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { REGISTRIES } from "./registries.ts";
import type { ScheduleResult } from "./run-schedule.ts";
import type { Exchange, TapLog } from "./tap.ts";
import { askedFor, type ClientPull, type TruePull } from "./truth.ts";

export interface RunToKeep {
  /** "podman" or "containerd-cri", as recordings are named. */
  readonly client: string;
  readonly version: string;
  /** "seed31-clean". */
  readonly scenario: string;
  readonly log: TapLog;
  readonly schedule: ScheduleResult;
  readonly truths: readonly TruePull[];
}

/**
 * Writes a run as a recording with its truth, in the form of test/fixtures/wire: what a tracker got wrong can then be
 * replayed without any client (`pullmeter replay FOLDER`). Returns the recording's path without its ending.
 */
export function keepRun(folder: string, run: RunToKeep): string {
  const base = join(folder, `${run.client}-${run.version}`, run.scenario);
  const zeroMs = Math.min(
    ...run.log.connections.map((connection) => connection.openedMs),
    ...run.schedule.pulls.map(({ result }) => result.startMs),
  );
  mkdirSync(dirname(base), { recursive: true });
  const rows = recordingRows(run, (ms) => Math.round(ms - zeroMs));
  writeFileSync(`${base}.jsonl.gz`, gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join("")));
  writeFileSync(`${base}.truth.json`, JSON.stringify(truthFile(run, (ms) => Math.round(ms - zeroMs))));
  return base;
}

type Clock = (ms: number) => number;
type Row = Readonly<Record<string, unknown>>;

function recordingRows({ client, version, scenario, log, schedule }: RunToKeep, at: Clock): Row[] {
  const userAgents = [...new Set(log.exchanges.map(({ headers }) => headers["user-agent"] ?? ""))];
  const timed: { t: number; rank: number; row: Row }[] = [
    ...schedule.removals.map(({ image, atMs }) => ({
      t: at(atMs),
      rank: 0,
      row: { event: `remove ${image}`, t: at(atMs) },
    })),
    ...schedule.tagMoves.map(({ repository, digest, atMs }) => ({
      t: at(atMs),
      rank: 0,
      row: { event: `move ${repository} to ${digest}`, t: at(atMs) },
    })),
    ...log.exchanges.map((exchange) => ({ t: at(exchange.startMs), rank: 2, row: requestRow(exchange, at) })),
    ...log.connections.flatMap(({ id, listener, openedMs, closedMs, tlsMs }) => {
      const place = { via: "mirror", listener };
      const tls =
        tlsMs === undefined
          ? []
          : [{ t: at(tlsMs), rank: 2, row: { clientError: "HPE_INVALID_METHOD", ...place, conn: id, t: at(tlsMs) } }];
      const closed =
        closedMs === undefined ? [] : [{ t: at(closedMs), rank: 3, row: { connClose: id, ...place, t: at(closedMs) } }];
      return [{ t: at(openedMs), rank: 1, row: { connOpen: id, ...place, t: at(openedMs) } }, ...tls, ...closed];
    }),
  ];
  const sorted = timed.toSorted((a, b) => a.t - b.t || a.rank - b.rank).map(({ row }) => row);
  return [{ meta: { client, version, scenario, userAgents } }, ...sorted];
}

function requestRow(exchange: Exchange, at: Clock): Row {
  const { seq, listener, connection, method, url, headers, status, bytes, aborted, body } = exchange;
  return {
    seq,
    via: "mirror",
    listener,
    t: at(exchange.startMs),
    conn: connection,
    method,
    url,
    reqHeaders: withoutSecret(headers),
    ...(status === undefined ? {} : { status, respHeaders: exchange.responseHeaders }),
    ...(exchange.headMs === undefined ? {} : { tHead: at(exchange.headMs) }),
    ...(body === undefined || status !== 200 ? {} : { body: JSON.parse(body) as unknown }),
    ...(aborted === undefined ? {} : { aborted: true, abortedBy: aborted === "client" ? "client" : "cut" }),
    ...(exchange.endMs === undefined ? {} : { tEnd: at(exchange.endMs) }),
    respBytes: bytes,
  };
}

/** The scheme, and whether there was anything in it: all that a tracker may know. */
function withoutSecret(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { authorization, ...rest } = headers;
  if (authorization === undefined) return rest;
  // "Og==" is ":", which podman sends when it has no credentials.
  const empty = authorization === "Basic Og==" ? " (decodes to empty user and password)" : "";
  return { ...rest, authorization: `Basic <redacted>${empty}` };
}

function truthFile({ client, version, log, schedule, truths }: RunToKeep, at: Clock): object {
  const known = log.exchanges.filter(({ pull }) => pull !== undefined);
  const byId = new Map(schedule.pulls.map((pull) => [pull.plan.id, pull]));
  return {
    client: `${client}-${version}`,
    pulls: truths.map((truth) => pullRow(truth, byId.get(truth.plan.id), at)),
    requests: Object.fromEntries(known.map(({ seq, pull }) => [seq, pull])),
    unattributed: log.exchanges.length - known.length,
    tagMoves: schedule.tagMoves.map(({ repository, digest, atMs }) => ({ repo: repository, to: digest, t: at(atMs) })),
  };
}

function pullRow(truth: TruePull, pull: ClientPull | undefined, at: Clock): Row {
  const { plan, result, exchanges } = truth;
  const layers = pull?.root?.image.layers.map(({ digest }) => digest) ?? [];
  const inStore = (store: ReadonlySet<string> | undefined): number | undefined =>
    store && layers.filter((digest) => store.has(digest)).length;
  const ends = exchanges.map(({ startMs, endMs }) => endMs ?? startMs);
  return {
    id: plan.id,
    image: `${REGISTRIES[plan.registry].host}/${plan.repository}:${plan.reference}`,
    repository: plan.repository,
    reference: plan.reference,
    startMs: at(result.startMs),
    endMs: at(result.endMs),
    exit: result.exitCode,
    error: result.error,
    killed: truth.killed,
    kill: plan.killAfterMs ?? null,
    missing: plan.reference.startsWith("absent-"),
    creds_given: plan.credentials === "none" ? null : plan.credentials,
    rootDigest: pull?.root?.digest ?? null,
    layers,
    layersInStoreAtStart: inStore(pull?.layersAtStart),
    layersInStoreAtManifest: inStore(pull?.layersAtManifest),
    layersRequested: new Set(
      exchanges.map((exchange) => askedFor(exchange)).filter((digest) => layers.includes(digest ?? "")),
    ).size,
    requests: exchanges.length,
    // The fallback never serves anything, so exit codes tell about the proxy alone.
    upstreamRequests: 0,
    ...(exchanges.length === 0
      ? {}
      : { wireStartMs: at(exchanges[0]?.startMs ?? 0), wireEndMs: at(Math.max(...ends)) }),
    ...(truth.end === undefined ? {} : { joinedEndMs: at(truth.end.latestMs) }),
    on_disk: truth.onDisk ?? null,
    has_creds: truth.hasCreds ?? false,
  };
}
