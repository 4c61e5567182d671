import type { Digest } from "../oci/digest.ts";
import type { Index, Manifest } from "../oci/manifest.ts";
import { Content, type Role } from "./content.ts";
import type { Client } from "./client.ts";
import type { Connection } from "./connections.ts";
import { strongerAuth, type AuthKind, type CredentialEvidence } from "./credentials.ts";
import { PhaseClock } from "./phases.ts";
import type { FinishedPull } from "./pull-event.ts";
import type { AnsweredPing } from "./pings.ts";
import type { Trigger } from "./transfer-event.ts";
import { nextState, type PullInput, type PullState } from "./pull-state.ts";

/** What a manifest says of a blob that the pull may ask for. */
export interface Expected {
  readonly role: Role;
  readonly sizeBytes: number;
}

/** What a pull is born with. */
export interface PullBirth {
  readonly id: string;
  readonly client: Client;
  readonly listener: string;
  readonly registry: string;
  readonly repository: string;
  readonly reference: string;
  readonly userAgent: string;
  readonly traceId: string | undefined;
  readonly traceParent?: FinishedPull["traceParent"];
  /** The client's process, where the listener looks it up. */
  readonly peerProcess: number | undefined;
  readonly isolation: string | undefined;
  readonly trigger: Trigger | undefined;
  readonly startMs: number;
  readonly nowMs: number;
  /** How many were opened before: pulls of one millisecond have an order too. */
  readonly order: number;
}

/** How the last request for the pull's reference went. */
export interface LastResolve {
  open: number;
  status: number | undefined;
  endMs: number;
  /** It carried credentials or a token. */
  authorised: boolean;
  failed: boolean;
  retryAfterMs: number | undefined;
}

/** Everything known about one pull that is not over yet. */
export class Pull {
  readonly birth: PullBirth;
  #state: PullState = "resolving";
  /** Emitted as started; a tool that only looks becomes a pull with its first layer. */
  announced = false;

  attempts = 1;
  claimedPing = false;
  startMs: number;
  /** End of the last response. */
  endMs: number;
  /** Last event of any kind, on the clock and on the client's free clock (see `Client.freeMs`). */
  lastEventMs: number;
  lastEventFreeMs: number;

  readonly phases: PhaseClock;
  readonly resolve: LastResolve;
  rootDigest: Digest | undefined;
  /** Free clock when the HEAD was answered. */
  resolvedFreeMs = 0;
  resolvedByHead = false;
  /** A HEAD named the digest, or a manifest was delivered. */
  wasResolved = false;
  /** When a manifest or index was delivered last. */
  manifestOkMs: number | undefined;
  /** The request for the root manifest was one by digest. */
  readonly askedManifests = new Set<string>();
  askedReferrers = false;

  /** What the manifests that it knows weigh together: see `weigh`. */
  weight = 0;
  readonly #known = new Set<Digest>();
  /** Manifests that the pull's indexes list. */
  readonly children = new Set<Digest>();
  readonly expected = new Map<Digest, Expected>();
  /** The layers of each image manifest that the pull can see. */
  readonly images = new Map<Digest, Manifest>();
  readonly contents = new Map<string, Content>();

  /** When the pull could send the next kind of request: see `assign.ts`. */
  indexMs: number | undefined;
  manifestMs: number | undefined;
  configMs: number | undefined;
  configDone = false;

  readonly connections = new Set<Connection>();
  openConnections = 0;
  lastCloseMs: number | undefined;
  open = 0;
  bytes = 0;
  readonly transfers: number[] = [];

  hasCreds = false;
  opaqueToken = false;
  auth: AuthKind = "none";
  /** What the registry told last of its limits. */
  rateLimit: FinishedPull["rateLimit"];
  joined = false;
  /** Blobs that failed so that the client repeats the whole pull, or gives up. */
  readonly endings = new Map<Digest, "pull_retryable" | "blob_fatal">();
  /** What it needs and others have fetched since it began. */
  readonly arrived = new Set<Digest>();
  /** Last response of an expected blob that another pull of the client asked for. */
  sharedEndMs = Number.NEGATIVE_INFINITY;
  retryAfterMs = 0;

  constructor(birth: PullBirth) {
    this.birth = birth;
    this.startMs = birth.startMs;
    this.phases = new PhaseClock(birth.startMs);
    this.endMs = birth.nowMs;
    this.lastEventMs = birth.nowMs;
    this.lastEventFreeMs = birth.client.freeMs(birth.nowMs);
    this.resolve = {
      open: 0,
      status: undefined,
      endMs: birth.nowMs,
      authorised: false,
      failed: false,
      retryAfterMs: undefined,
    };
  }

  get id(): string {
    return this.birth.id;
  }

  get client(): Client {
    return this.birth.client;
  }

  get state(): PullState {
    return this.#state;
  }

  get isLive(): boolean {
    return this.#state !== "finished";
  }

  apply(input: PullInput): void {
    this.#state = nextState(this.#state, input);
  }

  /** The ping with which it begins, or begins again. */
  claim(ping: AnsweredPing): void {
    this.claimedPing = true;
    this.phases.claim(ping);
    this.noteCredentials(ping.credentials);
  }

  /** The client starts the whole pull again: what failed before does not count any more. */
  beginAgain(): void {
    this.attempts += 1;
    this.apply("retried");
    this.wasResolved = false;
    this.configDone = false;
    this.configMs = undefined;
    for (const content of this.contents.values()) content.beginAgain();
    this.askedManifests.clear();
    this.endings.clear();
  }

  touch(nowMs: number): void {
    this.lastEventMs = nowMs;
    this.lastEventFreeMs = this.client.freeMs(nowMs);
  }

  noteCredentials(evidence: CredentialEvidence): void {
    if (evidence === "basic" || evidence === "bearer") this.hasCreds = true;
    if (evidence === "opaque_bearer") this.opaqueToken = true;
    this.auth = strongerAuth(this.auth, evidence);
  }

  content(key: string, role: Role, atMs: number): Content {
    const known = this.contents.get(key);
    if (known !== undefined) return known;
    const content = new Content(key, role, atMs);
    this.contents.set(key, content);
    this.client.noteAsked(key, this);
    return content;
  }

  /** The manifest was taken in already. */
  knows(digest: Digest): boolean {
    return this.#known.has(digest);
  }

  /** Takes in what a manifest of this pull lists. Returns the digests that are new to the pull. */
  learn(digest: Digest, manifest: Index | Manifest): readonly Digest[] {
    this.#known.add(digest);
    if (manifest.kind === "index") {
      const fresh = manifest.manifests.map((child) => child.digest).filter((child) => !this.children.has(child));
      for (const child of fresh) this.children.add(child);
      return fresh;
    }
    this.images.set(digest, manifest);
    const before = this.expected.size;
    this.#expect(manifest.config.digest, { role: "config", sizeBytes: manifest.config.size });
    for (const layer of manifest.layers) {
      this.#expect(layer.digest, { role: layerRole(layer.mediaType), sizeBytes: layer.size });
    }
    return this.expected.size === before ? [] : [...this.expected.keys()].slice(before);
  }

  #expect(digest: Digest, expected: Expected): void {
    if (!this.expected.has(digest)) this.expected.set(digest, expected);
    const content = this.contents.get(digest);
    if (content === undefined) return;
    if (content.role === "unknown") content.role = expected.role;
    content.sizeBytes ??= expected.sizeBytes;
  }

  /** True if every blob that the pull's manifests list was delivered to it. */
  isComplete(): boolean {
    if (this.expected.size === 0) return false;
    for (const digest of this.expected.keys()) if (this.contents.get(digest)?.done !== true) return false;
    return true;
  }

  asked(digest: string): boolean {
    return this.contents.has(digest);
  }

  isDone(digest: string): boolean {
    return this.contents.get(digest)?.done === true;
  }

  /** True if all its requests ended, and the last of each was aborted by the client. */
  wasAbandoned(): boolean {
    if (this.open > 0) return false;
    let aborted = false;
    for (const content of this.contents.values()) if (content.failure?.cause === "client_aborted") aborted = true;
    return aborted;
  }
}

/** What attestations and signatures are stored as: beside an image, not part of it. */
const BESIDE_IMAGE = /in-toto|cosign|sigstore|dsse/;

function layerRole(mediaType: string): Role {
  return BESIDE_IMAGE.test(mediaType) ? "unknown" : "layer";
}
