import type { PullResult } from "../../test/support/clients/client.ts";
import type { Root } from "./images.ts";
import { attemptsOf, type Wire } from "./attempts.ts";
import type { Recorded } from "./recorder.ts";
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

/**
 * When something happened at the proxy: between its sight at the client's side (tap) and at the registry's (recorder).
 * On a busy machine the two are many milliseconds apart, and nobody outside the proxy knows better.
 */
export interface Span {
  readonly earliestMs: number;
  readonly latestMs: number;
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
  readonly start: Span | undefined;
  /** End of its own last response, or of the last layer that it waited for while another pull of its daemon fetched it. */
  readonly end: Span | undefined;
}

const CONTENT = /^\/v2\/.+\/(?:manifests|blobs)\/([^/?]+)/;

/**
 * The client found a layer or image in its store and no longer had it when it was to be used, because the bench was
 * removing an image: everything was delivered, and the client failed on its own. containers/image, then containerd.
 */
const STORE_FAILURE =
  /layer not known|layer for blob .* not found|image not known|unpacking failed .* no such file|from containerd image store: .*not found/;

/** Digest or tag that a request asks for; undefined for a ping. */
export function askedFor(exchange: Pick<Exchange, "url">): string | undefined {
  return CONTENT.exec(exchange.url)?.[1];
}

/**
 * Puts together what the client, its store and the wire tell of each pull. `daemon`: pulls of one client wait for each
 * other's downloads (containerd); processes share nothing.
 */
export function truthFromWire(pulls: readonly ClientPull[], wire: Wire, options: { daemon: boolean }): TruePull[] {
  const byPull = Map.groupBy(wire.exchanges, (exchange) => exchange.pull);
  const attempts = attemptsOf(wire);
  return pulls.map((pull) => trueOf(pull, byPull.get(pull.plan.id) ?? [], { ...wire, ...options, attempts }));
}

/** The same without a tap between client and proxy: what the schedule, the store, the recorder and the exit code tell alone. */
export function truthFromClient(pulls: readonly ClientPull[], recorded: readonly Recorded[]): TruePull[] {
  return pulls.map((pull) => {
    const { plan, result, killed } = pull;
    const untold = killed || STORE_FAILURE.test(result.error);
    return {
      plan,
      result,
      killed,
      exchanges: [],
      visible: killed ? undefined : true,
      ok: untold ? undefined : result.exitCode === 0,
      onDisk: untold ? undefined : onDiskOf(pull, layersRequestedAlone(pull, pulls, recorded), { daemon: false }),
      hasCreds: killed ? undefined : plan.credentials !== "none",
      start: undefined,
      end: undefined,
    };
  });
}

/** How many layers of a pull were requested while it ran; undefined if another pull could have asked for them. */
function layersRequestedAlone(
  pull: ClientPull,
  all: readonly ClientPull[],
  recorded: readonly Recorded[],
): number | undefined {
  const layers = new Set(layersOf(pull));
  const { startMs, endMs } = pull.result;
  const requests = recorded.filter(
    (one) => one.startMs >= startMs && one.startMs <= endMs && layers.has(askedFor(one) ?? ""),
  );
  const isRival = (other: ClientPull): boolean =>
    other !== pull &&
    other.result.startMs <= endMs &&
    other.result.endMs >= startMs &&
    layersOf(other).some((layer) => layers.has(layer));
  return requests.length > 0 && all.some(isRival) ? undefined : requests.length;
}

interface Context extends Wire {
  readonly daemon: boolean;
  readonly attempts: ReadonlyMap<Exchange, readonly Recorded[]>;
}

function trueOf(pull: ClientPull, own: readonly Exchange[], context: Context): TruePull {
  const { plan, result, killed } = pull;
  // Killed while nothing was open (it waited for a lock, the disk or its turn): the wire does not tell.
  const silentKill = killed && result.exitCode !== 0 && !own.some((exchange) => exchange.aborted === "client");
  const untold = silentKill || STORE_FAILURE.test(result.error);
  const layers = new Set(layersOf(pull));
  const requested = own.filter((exchange) => layers.has(askedFor(exchange) ?? ""));
  const ends = [...own, ...awaited(pull, own, context)].map((exchange) => endOf(exchange, context));
  const [first] = own;
  return {
    plan,
    result,
    killed,
    exchanges: own,
    visible: own.some((exchange) => askedFor(exchange) !== undefined),
    ok: untold ? undefined : result.exitCode === 0,
    onDisk: untold ? undefined : onDiskOf(pull, requested.length, context),
    hasCreds: own.some((exchange) => carriesBasicCredentials(exchange)),
    start: first && spanOf([first.startMs, context.attempts.get(first)?.[0]?.startMs ?? first.startMs]),
    end: first && {
      earliestMs: Math.max(...ends.map(({ earliestMs }) => earliestMs)),
      latestMs: Math.max(...ends.map(({ latestMs }) => latestMs)),
    },
  };
}

/** At the client's side when the last byte came or the connection went; at the registry's when the last byte left. */
function endOf(exchange: Exchange, { attempts }: Context): Span {
  const atClient = exchange.endMs ?? exchange.startMs;
  const last = attempts.get(exchange)?.at(-1);
  if (last === undefined) return spanOf([atClient]);
  // After an abort the proxy hears of it last: then the registry's side is the later one.
  return spanOf([atClient, exchange.aborted === undefined ? last.lastByteMs : (last.endMs ?? atClient)]);
}

function spanOf(times: readonly number[]): Span {
  return { earliestMs: Math.min(...times), latestMs: Math.max(...times) };
}

function layersOf({ root }: ClientPull): string[] {
  return root?.image.layers.map((layer) => layer.digest) ?? [];
}

/**
 * True: every layer was in the store, and stayed there, and none was requested. False: a layer was missing. Not known when the pull failed,
 * when the store changed between start and manifest, or when a layer was requested although it seemed to be there
 * (it was being removed). A process that requests no layer found all of them when it looked, whatever was there before.
 */
function onDiskOf(
  pull: ClientPull,
  layersRequested: number | undefined,
  { daemon }: { daemon: boolean },
): boolean | undefined {
  if (pull.result.exitCode !== 0 || pull.root === undefined) return undefined;
  const lacks = (store: ReadonlySet<string>): boolean => layersOf(pull).some((layer) => !store.has(layer));
  // Right after a removal the files are still there, for a moment.
  const vanished = pull.layersAtManifest !== undefined && lacks(pull.layersAtManifest);
  if (!lacks(pull.layersAtStart)) return layersRequested === 0 && !vanished ? true : undefined;
  if (layersRequested === undefined) return undefined;
  if (layersRequested > 0) return false;
  const completedMeanwhile = pull.layersAtManifest !== undefined && !lacks(pull.layersAtManifest);
  return completedMeanwhile || !daemon ? undefined : false;
}

/**
 * The requests of other pulls that brought layers which this pull needed and did not ask for itself. Whatever the store
 * held when it started: a daemon downloads only what is not there.
 */
function awaited(pull: ClientPull, own: readonly Exchange[], { daemon, exchanges }: Context): Exchange[] {
  const { result } = pull;
  if (!daemon || result.exitCode !== 0 || own.length === 0) return [];
  const asked = new Set(own.map((exchange) => askedFor(exchange)));
  const needed = new Set(layersOf(pull).filter((layer) => !asked.has(layer)));
  return exchanges.filter(
    ({ endMs = 0, ...exchange }) =>
      endMs >= result.startMs && endMs <= result.endMs && needed.has(askedFor(exchange) ?? ""),
  );
}

/** Written apart from the product's own reading of this header, so that both can be wrong only independently. */
function carriesBasicCredentials({ headers }: Exchange): boolean {
  const [scheme, value = ""] = (headers["authorization"] ?? "").split(" ");
  return scheme === "Basic" && Buffer.from(value, "base64").toString("utf8").replace(":", "") !== "";
}
