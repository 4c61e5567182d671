import type { Descriptor } from "../../src/oci/descriptor.ts";
import type { Digest } from "../../src/oci/digest.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import type { Route } from "../../src/oci/route.ts";
import type { TransferStarted } from "../../src/pull/transfer-event.ts";
import type { ObservedTracker } from "./observed-tracker.ts";

/** Who pulls what. */
export interface PullOf {
  readonly registry: string;
  readonly repository: string;
  readonly remoteAddress: string;
  readonly tag: string;
}

/** A pull that has asked for its manifest and one layer, which is not there yet. */
export interface OpenPull {
  readonly of: PullOf;
  readonly connection: number;
  readonly layers: readonly Digest[];
  readonly openTransfer: number;
}

interface Request {
  readonly method: string;
  readonly route: Route;
}

const CONTAINERD = "containerd/1.7.28";
const LAYERS = 4;
const LAYER_BYTES = 4_000_000;

/** 0.5 ms: two requests in each millisecond, as a busy node has. */
const REQUEST_MS = 0.5;

/** As the program does: the clock is looked at every 250 ms. */
const TICK_MS = 250;

/** Makes the events of containerd's pulls, without any socket. Digests are numbers: hashing would cost more than tracking. */
export class Traffic {
  nowMs = 1_700_000_000_000;
  readonly #observed: ObservedTracker;
  #transfers = 0;
  #connections = 0;
  #digests = 0;
  #nextTickMs = 0;

  constructor(observed: ObservedTracker) {
    this.#observed = observed;
  }

  /** HEAD, manifest and all layers: six requests. It settles while later ones go on. */
  pull(of: PullOf): void {
    const { connection, layers, openTransfer } = this.open(of);
    this.#finish(openTransfer);
    for (const layer of layers.slice(1)) this.#exchange(of, connection, get(blobRoute(of, layer)));
    this.#observed.observe({ type: "connection-closed", atMs: this.nowMs, connection });
  }

  /** The same up to its first layer, which stays open. */
  open(of: PullOf): OpenPull {
    const connection = (this.#connections += 1);
    const { remoteAddress } = of;
    this.#observed.observe({
      type: "connection-opened",
      atMs: this.nowMs,
      connection,
      listener: "main",
      remoteAddress,
    });
    const root = this.#digest();
    const layers = Array.from({ length: LAYERS }, () => this.#digest());
    const manifest = manifestOf(layers);
    this.#exchange(of, connection, { method: "HEAD", route: manifestRoute(of, of.tag), digest: root });
    this.#exchange(of, connection, { ...get(manifestRoute(of, root)), digest: root, content: manifest });
    const [first = root] = layers;
    const openTransfer = this.#start(of, connection, get(blobRoute(of, first)));
    return { of, connection, layers, openTransfer };
  }

  /** A further request of a pull that goes on. */
  askAgain({ of, layers }: OpenPull): void {
    const connection = (this.#connections += 1);
    this.#exchange(of, connection, get(blobRoute(of, layers[1] ?? "sha256:")));
    this.#observed.observe({ type: "connection-closed", atMs: this.nowMs, connection });
  }

  /** A token service refuses a client of the pull its token. */
  refuseToken({ of, connection }: OpenPull): void {
    this.#transfers += 1;
    this.#pass();
    this.#observed.observe({
      type: "token-answered",
      atMs: this.nowMs,
      transfer: this.#transfers,
      connection,
      listener: "main",
      remoteAddress: of.remoteAddress,
      userAgent: CONTAINERD,
      registry: of.registry,
      repository: of.repository,
      hasCredentials: true,
      outcome: 401,
      durationMs: 5,
    });
  }

  #exchange(
    of: PullOf,
    connection: number,
    { method, route, ...manifest }: Request & { readonly digest?: Digest; readonly content?: Manifest },
  ): void {
    const transfer = this.#start(of, connection, { method, route });
    this.#finish(transfer, manifest);
  }

  #start({ registry, remoteAddress }: PullOf, connection: number, { method, route }: Request): number {
    const transfer = (this.#transfers += 1);
    this.#pass();
    const event: TransferStarted = {
      type: "started",
      atMs: this.nowMs,
      transfer,
      connection,
      listener: "main",
      remoteAddress,
      registry,
      method,
      route,
      userAgent: CONTAINERD,
      accept: "*/*",
      credentials: "none",
      forwarded: false,
    };
    this.#observed.observe(event);
    const host = registry;
    this.#observed.observe({
      type: "upstream-exchanged",
      atMs: this.nowMs,
      transfer,
      registry,
      host,
      outcome: 200,
      headMs: 3,
    });
    return transfer;
  }

  #finish(transfer: number, { digest, content }: { readonly digest?: Digest; readonly content?: Manifest } = {}): void {
    const atMs = this.nowMs;
    const observe = this.#observed.observe;
    observe({
      type: "responded",
      atMs,
      transfer,
      status: 200,
      contentLength: LAYER_BYTES,
      ...(digest && { dockerContentDigest: digest }),
    });
    observe({
      type: "finished",
      atMs,
      transfer,
      bytes: content === undefined ? LAYER_BYTES : 1_000,
      waits: { upstreamMs: 2, clientMs: 1, upstreamStalls: 0, clientStalls: 0 },
      ...(digest !== undefined && content !== undefined && { manifest: { digest, content } }),
    });
  }

  #pass(): void {
    this.nowMs += REQUEST_MS;
    if (this.nowMs < this.#nextTickMs) return;
    this.#nextTickMs = this.nowMs + TICK_MS;
    this.#observed.advance(this.nowMs);
  }

  #digest(): Digest {
    this.#digests += 1;
    return `sha256:${this.#digests.toString(16).padStart(64, "0")}` as Digest;
  }
}

function get(route: Route): Request {
  return { method: "GET", route };
}

function manifestRoute({ repository }: PullOf, reference: string): Route {
  return { kind: "manifest", repository, reference };
}

function blobRoute({ repository }: PullOf, digest: string): Route {
  return { kind: "blob", repository, digest: digest as Digest };
}

function manifestOf(layers: readonly Digest[]): Manifest {
  const [config, ...rest] = layers.map((digest, at): Descriptor => ({
    mediaType: at === 0 ? "application/vnd.oci.image.config.v1+json" : "application/vnd.oci.image.layer.v1.tar+gzip",
    digest,
    size: LAYER_BYTES,
  }));
  if (config === undefined) throw new Error("an image has a config");
  return { kind: "manifest", config, layers: rest };
}
