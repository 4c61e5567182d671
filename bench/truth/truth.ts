import type { PullResult } from "../../test/support/clients/client.ts";
import type { Root } from "./images.ts";
import type { PlannedPull } from "./schedule.ts";
import type { Exchange } from "./tap.ts";

/** What a client did with one planned pull. */
export interface ClientPull {
  readonly plan: PlannedPull;
  readonly result: PullResult;
  /** The root that the reference named when the client started; undefined for a missing tag. */
  readonly root: Root | undefined;
  /** Layers that were in the client's store when it started. */
  readonly layersAtStart: ReadonlySet<string>;
  /** The same when its first manifest had arrived; undefined without one. */
  readonly layersAtManifest: ReadonlySet<string> | undefined;
  /** It was killed before it ended by itself. */
  readonly killed: boolean;
}

/** A pull as it really was. What is undefined is not known, and not compared. */
export interface TruePull {
  readonly plan: PlannedPull;
  readonly result: PullResult;
  readonly killed: boolean;
  /** Requests through the proxy, pings included, in order. */
  readonly exchanges: readonly Exchange[];
  /** False if the proxy saw no request for a manifest or blob: there is nothing to observe. */
  readonly visible: boolean | undefined;
  readonly ok: boolean | undefined;
  readonly onDisk: boolean | undefined;
  readonly hasCreds: boolean | undefined;
  /** First request, ping included. */
  readonly startMs: number | undefined;
  /** End of its own last response, or of the last layer that it waited for while another pull of its daemon fetched it. */
  readonly endMs: number | undefined;
}

const CONTENT = /^\/v2\/.+\/(?:manifests|blobs)\/([^/?]+)/;

/**
 * containers/image found a layer in the store and no longer had it when it was to be used, because the bench was removing
 * another image: everything was delivered, and the client failed on its own.
 */
const STORE_FAILURE = /layer not known|layer for blob .* not found|image not known/;

/** Digest or tag that a request asks for; undefined for a ping. */
export function askedFor(exchange: Exchange): string | undefined {
  return CONTENT.exec(exchange.url)?.[1];
}

/**
 * Puts together what the client, its store and the wire tell of each pull. `daemon`: pulls of one client wait for each
 * other's downloads (containerd); processes share nothing.
 */
export function truthFromWire(
  pulls: readonly ClientPull[],
  exchanges: readonly Exchange[],
  options: { daemon: boolean },
): TruePull[] {
  const byPull = Map.groupBy(exchanges, (exchange) => exchange.pull);
  return pulls.map((pull) => trueOf(pull, byPull.get(pull.plan.id) ?? [], options.daemon ? exchanges : []));
}

/** The same without a tap between client and proxy: what the schedule, the store and the exit code tell alone. */
export function truthFromClient(pulls: readonly ClientPull[]): TruePull[] {
  return pulls.map((pull) => ({
    plan: pull.plan,
    result: pull.result,
    killed: pull.killed,
    exchanges: [],
    visible: pull.killed ? undefined : true,
    ok: pull.killed || STORE_FAILURE.test(pull.result.error) ? undefined : pull.result.exitCode === 0,
    onDisk: pull.killed ? undefined : onDiskOf(pull, undefined),
    hasCreds: pull.killed ? undefined : pull.plan.credentials !== "none",
    startMs: undefined,
    endMs: undefined,
  }));
}

function trueOf(pull: ClientPull, own: readonly Exchange[], shared: readonly Exchange[]): TruePull {
  const { plan, result, killed } = pull;
  // Killed while nothing was open (it waited for a lock, the disk or its turn): the wire does not tell.
  const silentKill = killed && result.exitCode !== 0 && !own.some((exchange) => exchange.aborted === "client");
  const untold = silentKill || STORE_FAILURE.test(result.error);
  const layers = new Set(layersOf(pull));
  const requested = own.filter((exchange) => layers.has(askedFor(exchange) ?? ""));
  const ends = [...own.map((exchange) => exchange.endMs ?? exchange.startMs), ...awaitedEnds(pull, own, shared)];
  return {
    plan,
    result,
    killed,
    exchanges: own,
    visible: own.some((exchange) => askedFor(exchange) !== undefined),
    ok: untold ? undefined : result.exitCode === 0,
    onDisk: untold ? undefined : onDiskOf(pull, requested.length),
    hasCreds: own.some((exchange) => carriesBasicCredentials(exchange)),
    startMs: own[0]?.startMs,
    endMs: own.length === 0 ? undefined : Math.max(...ends),
  };
}

function layersOf({ root }: ClientPull): string[] {
  return root?.image.layers.map((layer) => layer.digest) ?? [];
}

/**
 * True: every layer was in the store and none was requested. False: a layer was missing. Not known when the pull failed,
 * when the store changed between start and manifest, or when a layer was requested although it seemed to be there
 * (it was being removed).
 */
function onDiskOf(pull: ClientPull, layersRequested: number | undefined): boolean | undefined {
  if (pull.result.exitCode !== 0 || pull.root === undefined) return undefined;
  const lacks = (store: ReadonlySet<string>): boolean => layersOf(pull).some((layer) => !store.has(layer));
  if (!lacks(pull.layersAtStart)) return layersRequested === 0 ? true : undefined;
  if (layersRequested === undefined) return undefined;
  const completedMeanwhile =
    layersRequested === 0 && pull.layersAtManifest !== undefined && !lacks(pull.layersAtManifest);
  return completedMeanwhile ? undefined : false;
}

/** Ends of the responses to other pulls that brought layers which this pull lacked and did not ask for itself. */
function awaitedEnds(pull: ClientPull, own: readonly Exchange[], shared: readonly Exchange[]): number[] {
  const { result } = pull;
  if (result.exitCode !== 0 || own.length === 0) return [];
  const asked = new Set(own.map((exchange) => askedFor(exchange)));
  const awaited = new Set(layersOf(pull).filter((layer) => !pull.layersAtStart.has(layer) && !asked.has(layer)));
  return shared
    .filter((exchange) => awaited.has(askedFor(exchange) ?? ""))
    .map((exchange) => exchange.endMs ?? 0)
    .filter((endMs) => endMs >= result.startMs && endMs <= result.endMs);
}

/** Written apart from the product's own reading of this header, so that both can be wrong only independently. */
function carriesBasicCredentials({ headers }: Exchange): boolean {
  const [scheme, value = ""] = (headers["authorization"] ?? "").split(" ");
  return scheme === "Basic" && Buffer.from(value, "base64").toString("utf8").replace(":", "") !== "";
}
