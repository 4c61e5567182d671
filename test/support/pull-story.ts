import { createHash } from "node:crypto";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { isDigest } from "../../src/oci/digest.ts";
import type { Index, Manifest } from "../../src/oci/manifest.ts";
import { parseRoute } from "../../src/oci/route.ts";
import type { FinishedPull, PullEvent } from "../../src/pull/pull-event.ts";
import type { TrackerSettings } from "../../src/pull/settings.ts";
import { PullTracker } from "../../src/pull/tracker.ts";
import type {
  ResponseStarted,
  TransferFailed,
  TransferFinished,
  TransferStarted,
} from "../../src/pull/transfer-event.ts";

export const CONTAINERD_1 = "containerd/1.7.28";
export const CONTAINERD_2 = "containerd/2.1.4";
export const PODMAN_4 = "containers/5.24.1 (github.com/containers/image)";
export const PODMAN_5 = "containers/5.36.0 (github.com/containers/image)";
export const DOCKER = "docker/28.5.2 go/go1.27 os/linux arch/amd64 UpstreamClient(Docker-Client/28.5.2)";

/** The digest of a name: readable tests, well-formed events. */
export function digest(name: string): Digest {
  const text = `sha256:${createHash("sha256").update(name).digest("hex")}`;
  if (!isDigest(text)) throw new Error(text);
  return text;
}

function descriptor(name: string, mediaType: string): Descriptor {
  return { mediaType, digest: digest(name), size: 100 };
}

/** An image whose config and layers have 100 bytes each. */
export function image(config: string, ...layers: string[]): Manifest {
  return {
    kind: "manifest",
    config: descriptor(config, "application/vnd.oci.image.config.v1+json"),
    layers: layers.map((layer) => descriptor(layer, "application/vnd.oci.image.layer.v1.tar+gzip")),
  };
}

export function index(...children: string[]): Index {
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  return { kind: "index", manifests: children.map((child) => ({ mediaType, digest: digest(child), size: 100 })) };
}

type Request = Partial<Omit<TransferStarted, "type" | "atMs">>;
type Response = Partial<Omit<ResponseStarted, "type" | "atMs">> & {
  /** Name of the manifest that the body is, with its content. */
  readonly manifest?: readonly [name: string, content: Index | Manifest];
  readonly bytes?: number;
};

/** Tells the tracker a story, one request after the other, and hears what it makes of it. */
export class Story {
  readonly events: PullEvent[] = [];
  readonly tracker: PullTracker;
  nowMs = 1_700_000_000_000;
  #transfers = 0;
  #connections = 0;
  readonly #routes = new Map<number, TransferStarted>();

  constructor(settings: Partial<TrackerSettings> = {}) {
    this.tracker = new PullTracker({ report: (event) => this.events.push(event), settings });
  }

  /** Lets time pass, the way a running proxy tells it. */
  wait(ms: number): this {
    const untilMs = this.nowMs + ms;
    for (; this.nowMs < untilMs; this.nowMs = Math.min(untilMs, this.nowMs + 250)) this.tracker.advance(this.nowMs);
    this.tracker.advance(this.nowMs);
    return this;
  }

  connect(peerProcess?: number): number {
    const connection = (this.#connections += 1);
    this.tracker.observe({
      type: "connection-opened",
      atMs: this.nowMs,
      connection,
      listener: "main",
      remoteAddress: "10.0.0.1",
      ...(peerProcess === undefined ? {} : { peerProcess }),
    });
    return connection;
  }

  close(connection: number): this {
    this.tracker.observe({ type: "connection-closed", atMs: this.nowMs, connection });
    this.nowMs += 1;
    return this;
  }

  /** A request's head arrives: `GET /v2/lib/app/manifests/v1`. On a new connection unless told otherwise. */
  start(userAgent: string, line: string, request: Request = {}): number {
    const [method = "", path = ""] = line.split(" ");
    const transfer = (this.#transfers += 1);
    const event: TransferStarted = {
      type: "started",
      atMs: this.nowMs,
      transfer,
      connection: request.connection ?? this.connect(),
      listener: "main",
      remoteAddress: "10.0.0.1",
      registry: "reg.example",
      method,
      route: parseRoute(path),
      userAgent,
      accept: "*/*",
      credentials: "none",
      forwarded: false,
      ...request,
    };
    this.#routes.set(transfer, event);
    this.tracker.observe(event);
    return transfer;
  }

  respond(transfer: number, response: Response = {}): this {
    const started = this.#routes.get(transfer);
    const { manifest, bytes: _, ...head } = response;
    const reference = started?.route.kind === "manifest" ? started.route.reference : "";
    const digestOfBody = manifest === undefined ? (isDigest(reference) ? reference : undefined) : digest(manifest[0]);
    this.tracker.observe({
      type: "responded",
      atMs: this.nowMs,
      transfer,
      status: 200,
      ...(digestOfBody !== undefined && (head.status ?? 200) === 200 ? { dockerContentDigest: digestOfBody } : {}),
      ...head,
    });
    return this;
  }

  finish(transfer: number, response: Response = {}): this {
    const started = this.#routes.get(transfer);
    const { manifest } = response;
    const event: TransferFinished = {
      type: "finished",
      atMs: this.nowMs,
      transfer,
      bytes: response.bytes ?? (started?.method === "HEAD" ? 0 : 100),
      ...(manifest !== undefined && started?.method === "GET"
        ? { manifest: { digest: digest(manifest[0]), content: manifest[1] } }
        : {}),
    };
    this.tracker.observe(event);
    return this;
  }

  fail(transfer: number, failure: TransferFailed["failure"], bytes = 0): this {
    this.tracker.observe({ type: "failed", atMs: this.nowMs, transfer, bytes, failure });
    return this;
  }

  /** A whole request, answered after 5 ms and ended after 10. Returns its transfer id. */
  exchange(userAgent: string, line: string, options: { request?: Request; response?: Response } = {}): number {
    const transfer = this.start(userAgent, line, options.request);
    this.nowMs += 5;
    this.respond(transfer, options.response);
    this.nowMs += 5;
    this.finish(transfer, options.response);
    return transfer;
  }

  /** Ends everything that is still going on. Pulls are in the order of their start. */
  finished(): readonly FinishedPull[] {
    this.wait(60 * 60 * 1000);
    this.tracker.flush(this.nowMs);
    return this.#pulls();
  }

  /** The pulls that were observed so far. */
  decided(): readonly FinishedPull[] {
    return this.#pulls();
  }

  unassigned(): readonly string[] {
    this.tracker.advance(this.nowMs);
    return this.events.flatMap((event) => (event.type === "unassigned" ? [event.reason] : []));
  }

  bounds(): readonly string[] {
    this.tracker.advance(this.nowMs);
    return this.events.flatMap((event) => (event.type === "bound-hit" ? [event.bound] : []));
  }

  #pulls(): readonly FinishedPull[] {
    this.tracker.advance(this.nowMs);
    const pulls = this.events.flatMap((event) => (event.type === "pull-finished" ? [event.pull] : []));
    return pulls.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  }
}

export const blob = (name: string): string => `/v2/lib/app/blobs/${digest(name)}`;
export const manifest = (reference: string): string => `/v2/lib/app/manifests/${reference}`;
export const byDigest = (name: string): string => manifest(digest(name));

/** A cold pull of `lib/app:v1` (root `m`, config `c`, the layers given) by containerd, on two connections. */
export function containerdPull(story: Story, layers: readonly string[], userAgent = CONTAINERD_2): number {
  const root = ["m", image("c", ...layers)] as const;
  story.exchange(userAgent, `HEAD ${manifest("v1")}`, { response: { manifest: root } });
  const connection = story.connect();
  story.exchange(userAgent, `GET ${byDigest("m")}`, { request: { connection }, response: { manifest: root } });
  for (const name of ["c", ...layers]) story.exchange(userAgent, `GET ${blob(name)}`, { request: { connection } });
  return connection;
}

/** Ping, manifest and config of `lib/app:v1` by a process with keep-alive. Returns its connection. */
export function podmanStart(story: Story, layers: readonly string[], peerProcess?: number): number {
  const connection = story.connect(peerProcess);
  story.exchange(PODMAN_5, "GET /v2/", { request: { connection } });
  story.exchange(PODMAN_5, `GET ${manifest("v1")}`, {
    request: { connection },
    response: { manifest: ["m", image("c", ...layers)] },
  });
  story.exchange(PODMAN_5, `GET ${blob("c")}`, { request: { connection } });
  return connection;
}
