import type { TransferFinished } from "../pull/transfer-event.ts";
import type { UpstreamResponse } from "../upstream/exchange.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { BlobVerifier } from "./blob-verifier.ts";
import { ManifestCopy } from "./body.ts";
import { headerValue } from "./headers.ts";
import type { Target } from "./resolve-registry.ts";

type Told = Pick<TransferFinished, "manifest" | "verified">;

/** Looks at a body while it streams by. */
export interface BodyInspection {
  /** The chunk's memory is its owner's again when this returns. */
  add(chunk: Buffer): void;
  /** What the whole body tells: at once, or when it is known. */
  end(): Told | Promise<Told>;
  /** It did not come whole. */
  abandon(): void;
}

export interface InspectedResponse extends UpstreamResponse {
  readonly method: string | undefined;
  readonly target: Target;
  readonly upstream: Upstream;
}

/** Manifests are read, so that the pull's layers are known; blobs are hashed where that is wanted. */
export function inspectBody(response: InspectedResponse, verifier: BlobVerifier): BodyInspection | undefined {
  const { headers, method, status, target, upstream } = response;
  const { route } = target;
  if (method !== "GET" || status !== 200) return undefined;
  if (route.kind === "manifest" && !isSigned(response)) return readManifest(headerValue(headers, "content-encoding"));
  if (route.kind !== "blob" || headerValue(headers, "content-encoding") !== undefined) return undefined;
  const check = verifier.draw(route.digest, upstream.verifyBlobs ?? 0);
  return check && { ...check, end: async () => ({ verified: await check.end() }) };
}

function readManifest(contentEncoding: string | undefined): BodyInspection {
  const copy = new ManifestCopy();
  return {
    add: (chunk) => copy.add(chunk),
    end: () => {
      const manifest = copy.read(contentEncoding);
      return manifest === undefined ? {} : { manifest };
    },
    abandon: () => {},
  };
}

/** The digest of a manifest of schema 1 leaves its signatures out: it is not that of its bytes. */
function isSigned({ headers }: UpstreamResponse): boolean {
  return headerValue(headers, "content-type")?.includes("+prettyjws") ?? false;
}
