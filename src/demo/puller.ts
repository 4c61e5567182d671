import { setTimeout as sleep } from "node:timers/promises";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { parseManifest, type Manifest } from "../oci/manifest.ts";
import { digestOf } from "./content.ts";
import { CutError, Session, type Credentials } from "./session.ts";

export interface PullOptions {
  /** Origin to pull from: a listener of the proxy. */
  readonly origin: string;
  readonly repository: string;
  readonly reference: string;
  /** Layers on this client's disk: those are not fetched, and those that were fetched are added. */
  readonly store: Set<Digest>;
  readonly credentials?: Credentials;
  /** Ends the pull from outside. */
  readonly signal?: AbortSignal;
}

export interface PulledImage {
  readonly layersFetched: number;
  readonly layersOnDisk: number;
  /** Of manifests, config and layers. */
  readonly bytes: number;
}

const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

// https://github.com/containers/image/blob/v5.36.1/docker/body_reader.go: a body that was cut is asked for again from
// where it ended, after 1 s and if the last try brought 1 MiB.
const RESUME_AFTER_MS = 1_000;
const RESUMED_FROM_BYTES = 1024 * 1024;

/** The child of an index that is pulled, whatever machine this is: every sample image has it. */
const ARCHITECTURE = "amd64";

/**
 * Pulls one image as podman does (containers/image from 5.25 on): ping, manifest, child manifest, config, then the
 * layers that are not on disk, on connections of its own that are closed at the end. Checks every digest.
 * Resumes a body that was cut; gives up at any other error, and throws StatusError for an answer of the registry.
 */
export async function pull(options: PullOptions): Promise<PulledImage> {
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const session = new Session(options.origin, signal);
  try {
    await session.open(`repository:${options.repository}:pull`, options.credentials);
    return await fetchImage({ session, signal }, options);
  } finally {
    failed.abort();
    session.close();
  }
}

interface Connection {
  readonly session: Session;
  /** Ends what waits. */
  readonly signal: AbortSignal;
}

async function fetchImage(connection: Connection, { repository, reference, store }: PullOptions): Promise<PulledImage> {
  const { manifest, bytes: manifestBytes } = await fetchManifest(connection.session, repository, reference);
  const configBytes = await fetchBlob(connection, repository, manifest.config);
  const wanted = manifest.layers.filter((layer) => !store.has(layer.digest));
  const sizes = await Promise.all(
    wanted.map(async (layer) => {
      const size = await fetchBlob(connection, repository, layer);
      store.add(layer.digest);
      return size;
    }),
  );
  return {
    layersFetched: wanted.length,
    layersOnDisk: manifest.layers.length - wanted.length,
    bytes: sizes.reduce((sum, size) => sum + size, manifestBytes + configBytes),
  };
}

async function fetchManifest(
  session: Session,
  repository: string,
  reference: string,
): Promise<{ manifest: Manifest; bytes: number }> {
  const reply = await session.get(`/v2/${repository}/manifests/${reference}`, MANIFEST_TYPES);
  verify(reply.body, reference.includes(":") ? reference : reply.headers["docker-content-digest"]);
  const parsed = parseManifest(reply.body.toString());
  if (parsed === undefined) throw new Error(`${repository}:${reference} is no manifest`);
  if (parsed.kind === "manifest") return { manifest: parsed, bytes: reply.body.length };
  const child = await fetchManifest(session, repository, findChild(reply.body));
  return { manifest: child.manifest, bytes: child.bytes + reply.body.length };
}

/** Digest of the child for this architecture. */
function findChild(index: Buffer): string {
  const json: unknown = JSON.parse(index.toString());
  const child = isPlatformIndex(json) ? json.manifests.find(isForThisPlatform) : undefined;
  if (!child) throw new Error(`the index has no child for linux/${ARCHITECTURE}`);
  return child.digest;
}

// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#image-index-property-descriptions
interface PlatformDescriptor {
  readonly digest: string;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

function isForThisPlatform({ platform }: PlatformDescriptor): boolean {
  return platform?.os === "linux" && platform.architecture === ARCHITECTURE;
}

function isPlatformIndex(json: unknown): json is { readonly manifests: readonly PlatformDescriptor[] } {
  return typeof json === "object" && json !== null && "manifests" in json && Array.isArray(json.manifests);
}

async function fetchBlob(
  { session, signal }: Connection,
  repository: string,
  { digest, size }: Descriptor,
): Promise<number> {
  const parts: Buffer[] = [];
  let received = 0;
  for (;;) {
    try {
      parts.push((await session.get(`/v2/${repository}/blobs/${digest}`, "*/*", received)).body);
      break;
    } catch (error) {
      if (!(error instanceof CutError) || error.received.length < RESUMED_FROM_BYTES) throw error;
      parts.push(error.received);
      received += error.received.length;
      await sleep(RESUME_AFTER_MS, undefined, { signal });
    }
  }
  const body = Buffer.concat(parts);
  verify(body, digest);
  if (body.length !== size) throw new Error(`${digest} has ${body.length} bytes, not ${size}`);
  return size;
}

function verify(body: Buffer, expected: string | string[] | undefined): void {
  const actual = digestOf(body);
  if (actual !== expected) throw new Error(`digest is ${actual}, not ${String(expected)}`);
}
