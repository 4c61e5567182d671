import { buildImage, buildLayer, type Blob, type Image } from "../../test/support/clients/image.ts";
import type { Phase } from "./phases.ts";
import type { RequestHead } from "./request-heads.ts";

export const REPOSITORY = "app/image";
export const TAG = "v1";

export interface LayerBytes {
  readonly hit: number;
  readonly other: number;
}

/** Bytes: the layer that faults hit is larger than what sockets and pipes hold, so that it is never there at once. */
const LAYER_BYTES: LayerBytes = { hit: 3 * 1024 * 1024, other: 300 * 1024 };
/** Bytes of a label that makes the config as large as real ones of many layers: it takes more than one packet. */
const LABEL_BYTES = 100_000;
/** The answer to a ping is two bytes; spaces make room for faults in the middle. */
const PING_BODY = Buffer.from(`{${" ".repeat(62)}}`);

/** A resource that a registry serves. */
export interface Resource {
  /** Undefined for the layer that no fault hits. */
  readonly phase: Phase | undefined;
  readonly mediaType: string;
  /** Undefined for the ping. */
  readonly digest: string | undefined;
  readonly bytes: Buffer;
}

/** The same seed gives the same image. The layer that faults hit comes first. */
export function makeImage(seed: string, { hit, other } = LAYER_BYTES): Image {
  const layers = [buildLayer({ bytes: hit, seed: `${seed} hit` }), buildLayer({ bytes: other, seed: `${seed} other` })];
  return buildImage({ layers, label: `${seed} ${"x".repeat(LABEL_BYTES)}` });
}

/** What a request asks for; undefined if the image has no such thing. */
export function findResource(image: Image, { method, path }: RequestHead): Resource | undefined {
  const [pathname = ""] = path.split("?", 1);
  if (pathname === "/v2/") {
    return { phase: "ping", mediaType: "application/json", digest: undefined, bytes: PING_BODY };
  }
  const base = `/v2/${REPOSITORY}`;
  if (pathname === `${base}/manifests/${TAG}` || pathname === `${base}/manifests/${image.manifest.digest}`) {
    return toResource(image.manifest, method === "HEAD" ? "resolve" : "manifest");
  }
  if (pathname === `${base}/blobs/${image.config.digest}`) return toResource(image.config, "config");
  const layer = image.layers.find(({ digest }) => pathname === `${base}/blobs/${digest}`);
  return layer && toResource(layer, layer === image.layers[0] ? "layer" : undefined);
}

function toResource({ mediaType, digest, bytes }: Blob, phase: Phase | undefined): Resource {
  return { phase, mediaType, digest, bytes };
}
