import type { Digest } from "../oci/digest.ts";
import type { Index, Manifest } from "../oci/manifest.ts";
import type { ManifestCache } from "./manifest-cache.ts";
import type { Pull } from "./pull.ts";
import type { TrackerSettings } from "./settings.ts";
import { weigh } from "./weigh-manifest.ts";

/** What all pulls share: settings, and the manifests that were seen. */
export interface Ledger {
  readonly settings: TrackerSettings;
  readonly manifests: ManifestCache;
  /** A manifest had to leave the cache. */
  readonly manifestEvicted: () => void;
  readonly blobRefused: () => void;
}

/** The pull's root became known, by an answer or by the request itself. */
export function setRoot(ledger: Ledger, pull: Pull, digest: Digest): void {
  if (pull.rootDigest !== undefined) return;
  pull.rootDigest = digest;
  pull.client.expect(digest, pull);
  if (pull.client.behaviour.kind === "daemon") learnFromCache(ledger, pull, digest);
}

/** A daemon may have any manifest on disk: what the proxy has seen of it is what the pull needs. */
function learnFromCache(ledger: Ledger, pull: Pull, digest: Digest): void {
  const known = ledger.manifests.get(digest);
  if (known !== undefined) learn(ledger, pull, digest, known);
}

export function learn(ledger: Ledger, pull: Pull, digest: Digest, content: Index | Manifest): void {
  if (pull.knows(digest)) return;
  const weight = weigh(content);
  if (pull.weight + weight > ledger.settings.maxBlobsPerPull) return ledger.blobRefused();
  pull.weight += weight;
  for (const fresh of pull.learn(digest, content)) {
    pull.client.expect(fresh, pull);
    if (content.kind === "index" && pull.client.behaviour.kind === "daemon") learnFromCache(ledger, pull, fresh);
  }
}
