import type { Digest } from "../oci/digest.ts";
import { mayStillFetch } from "./assign.ts";
import type { Pull } from "./pull.ts";
import type { TrackerSettings } from "./settings.ts";

/**
 * A daemon downloads one blob once, for all pulls that need it: a pull whose content another one fetches has joined it,
 * and is not on disk although it asks for nothing.
 */

/** Asked when a pull was resolved or its manifest became known: does another pull fetch what it needs? */
export function joinsRunningFetch(pull: Pull): boolean {
  if (pull.client.behaviour.kind !== "daemon" || !pull.client.isFetching) return false;
  for (const digest of neededBy(pull)) {
    if (!pull.isDone(digest) && !pull.arrived.has(digest) && pull.client.isFetchedByAnother(digest, pull)) return true;
  }
  return false;
}

/** Asked when `asker` asks for a digest: the other pulls that wait for it now get it from there. */
export function joinedBy(asker: Pull, digest: Digest, nowMs: number, settings: TrackerSettings): readonly Pull[] {
  if (asker.client.behaviour.kind !== "daemon") return [];
  return [...asker.client.needing(digest)].filter(
    (pull) =>
      pull !== asker &&
      !pull.asked(digest) &&
      !pull.arrived.has(digest) &&
      (mayStillFetch(pull, nowMs, settings) || (pull.state === "fetching" && pull.manifestMs !== undefined)),
  );
}

/** A pull's end is not to be decided while another one fetches what it waits for. */
export function waitsForAnother(pull: Pull): boolean {
  return joinsRunningFetch(pull);
}

function* neededBy(pull: Pull): Generator<Digest> {
  if (pull.rootDigest !== undefined) yield pull.rootDigest;
  yield* pull.children;
  yield* pull.expected.keys();
}

/**
 * Asked of a process when it has read its config and looks for the layers in the store: did some of them come there, by
 * another process, only after it began?
 */
export function sawLayersArrive(pull: Pull): boolean {
  const { behaviour, deliveries } = pull.client;
  if (behaviour.kind === "daemon" || pull.configMs === undefined) return false;
  for (const [digest, { role }] of pull.expected) {
    if (role !== "layer" || pull.asked(digest)) continue;
    if (deliveries.firstArrivedBetween(digest, pull.startMs, pull.configMs)) return true;
  }
  return false;
}
