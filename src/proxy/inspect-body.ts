import type { TransferFinished } from "../pull/transfer-event.ts";
import type { UpstreamResponse } from "../upstream/exchange.ts";
import { headerValue, type RawHeaders } from "../upstream/raw-headers.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { BlobCheck, BlobVerifier } from "./blob-verifier.ts";
import { ManifestCopy, readManifest } from "./manifest-body.ts";
import type { Target } from "./resolve-registry.ts";

type Told = Pick<TransferFinished, "manifest" | "verified">;

/** Looks at a body while it streams by. */
export interface BodyInspection {
  /** The chunk's memory is its owner's again when this returns. */
  add(chunk: Buffer): void;
  /** What the whole body tells: at once, or when it is known. */
  end(): Told | Promise<Told>;
  /** The same where the body is here whole: it takes the place of `add` and `end`. */
  read(whole: Buffer): Told | Promise<Told>;
  /** It did not come whole. */
  abandon(): void;
}

/** Whose response it is. */
export interface Asked {
  readonly method: string | undefined;
  readonly target: Target;
  readonly upstream: Upstream;
}

/** Manifests are read, so that the pull's layers are known; blobs are hashed where that is wanted. */
export function inspectBody(
  response: UpstreamResponse,
  { method, target, upstream }: Asked,
  verifier: BlobVerifier,
): BodyInspection | undefined {
  const { headers, status } = response;
  const { route } = target;
  if (method !== "GET" || status !== 200) return undefined;
  if (route.kind === "manifest" && !isSigned(response)) return inspectManifest(headers);
  if (route.kind !== "blob" || headerValue(headers, "content-encoding") !== undefined) return undefined;
  return verifyBlob(verifier.draw(route.digest, upstream.verifyBlobs ?? 0));
}

function inspectManifest(headers: RawHeaders): BodyInspection {
  const copy = new ManifestCopy();
  const read = (whole: Buffer): Told => {
    const claimed = headerValue(headers, "docker-content-digest") ?? "";
    const manifest = readManifest(whole, claimed, headerValue(headers, "content-encoding"));
    return manifest === undefined ? {} : { manifest };
  };
  return {
    add: (chunk) => copy.add(chunk),
    end: () => {
      const { whole } = copy;
      return whole === undefined ? {} : read(whole);
    },
    read,
    abandon: () => {},
  };
}

function verifyBlob(check: BlobCheck | undefined): BodyInspection | undefined {
  if (check === undefined) return undefined;
  const end = async (): Promise<Told> => ({ verified: await check.end() });
  const read = (whole: Buffer): Promise<Told> => {
    check.add(whole);
    return end();
  };
  return { ...check, end, read };
}

/** The digest of a manifest of schema 1 leaves its signatures out: it is not that of its bytes. */
function isSigned({ headers }: UpstreamResponse): boolean {
  return headerValue(headers, "content-type")?.includes("+prettyjws") ?? false;
}
