/**
 * What kind of client a User-Agent names and how that kind pulls. Told by product and version, never by guesswork:
 * each entry was observed on the wire or read in the client's source.
 */
export interface Behaviour {
  /** Product for people; the default of the `isolation` label. */
  readonly family: Family;
  /** A daemon runs many pulls and shares content between them. A process shares nothing with other pulls. */
  readonly kind: "daemon" | "process";
  /** `exact`: the operating system's process runs one pull at a time, so its id names the pull. */
  readonly processId: "exact" | "meaningless";
  /** Keeps its connections until the image is committed: the last close is the end of the pull. */
  readonly holdsConnections: boolean;
  /** Asks for layers only after it has read the config. */
  readonly configFirst: boolean;
  /** Requests that the whole daemon has open at most; absent: no such limit. */
  readonly downloadLimit?: number;
  /** May unpack a layer before it asks for the next one, over the same connection. */
  readonly pausesBetweenLayers: boolean;
  /** What follows a blob that failed: see `pull-states.md`. */
  readonly afterFailedBlob: "ends" | "repeats_pull" | "asks_upstream" | "repeats_later";
  /** Follows no published pattern: repeating a resolve that was answered begins a new pull. */
  readonly unknown: boolean;
  /** Also used to only look at images: no pull unless it asks for a layer. */
  readonly mayOnlyLook: boolean;
}

export type Family =
  | "podman"
  | "buildah"
  | "cri-o"
  | "skopeo"
  | "containerd"
  | "docker"
  | "crane"
  | "docker-cli"
  | "demo"
  | "other";

/** Programs nobody has recorded: as tolerant as a daemon, of which requests may come over any connection. */
const OTHER: Behaviour = {
  family: "other",
  kind: "daemon",
  processId: "exact",
  holdsConnections: false,
  configFirst: false,
  pausesBetweenLayers: false,
  afterFailedBlob: "asks_upstream",
  unknown: true,
  mayOnlyLook: false,
};

/**
 * First version of each program with containers/image 5.25, which keeps connections alive and resumes blobs
 * (go.mod of the tags). Older ones send `Connection: close` with every request.
 */
const KEEP_ALIVE_SINCE: Partial<Record<Family, readonly [major: number, minor: number]>> = {
  podman: [5, 25],
  buildah: [1, 30],
  skopeo: [1, 12],
  "cri-o": [1, 27],
};

/** The transfer service (containerd 2) takes one of `max_concurrent_downloads` = 3 slots for every request. */
// https://github.com/containerd/containerd/blob/v2.1.4/core/transfer/local/transfer.go
const CONTAINERD_2_DOWNLOAD_LIMIT = 3;

/**
 * Reads a User-Agent. `keepAlive` is what the request itself says (`Connection: close`), and stronger than the version.
 */
export function readBehaviour(userAgent: string, keepAlive: boolean | undefined): Behaviour {
  const family = readFamily(userAgent);
  switch (family) {
    case "podman":
    case "buildah":
    case "cri-o":
    case "skopeo":
      return containersImage(family, keepAlive ?? isSince(versionOf(userAgent), KEEP_ALIVE_SINCE[family]));
    case "containerd":
      return containerd("containerd", isSince(versionOf(userAgent), [2, 0]));
    case "docker":
      return userAgent.includes("containerd-client/") ? containerd("docker", false) : docker();
    case "crane":
      // kaniko is made of the same library, and unpacks each layer before it reads the next.
      return { ...OTHER, family, kind: "process", pausesBetweenLayers: true, mayOnlyLook: true };
    case "docker-cli":
      return { ...OTHER, family, kind: "process", mayOnlyLook: true };
    // The built-in puller of `pullmeter demo`, which does as podman does.
    case "demo":
      return containersImage(family, true);
    case "other":
      return OTHER;
  }
}

/** `containers/5.39.2 (github.com/…)` -> `containers/5.39.2`: what tells two programs on one host apart. */
export function productOf(userAgent: string): string {
  return userAgent.split(" ", 1)[0] ?? "";
}

function readFamily(userAgent: string): Family {
  const product = userAgent.split("/", 1)[0]?.toLowerCase() ?? "";
  switch (product) {
    case "containers":
      return "podman";
    case "buildah":
    case "cri-o":
    case "skopeo":
    case "containerd":
    case "docker":
    case "crane":
      return product;
    case "docker-client":
      return "docker-cli";
    case "pullmeter-demo":
      return "demo";
    default:
      return userAgent.includes("go-containerregistry") ? "crane" : "other";
  }
}

function containersImage(family: Family, keepAlive: boolean): Behaviour {
  return {
    family,
    kind: "process",
    // CRI-O is a daemon with containers/image inside: many pulls, one process.
    processId: family === "cri-o" ? "meaningless" : "exact",
    holdsConnections: keepAlive,
    // skopeo copies to other formats, some with the config last.
    configFirst: family !== "skopeo",
    pausesBetweenLayers: false,
    afterFailedBlob: keepAlive ? "repeats_pull" : "ends",
    unknown: false,
    mayOnlyLook: family === "skopeo",
  };
}

function containerd(family: Family, limited: boolean): Behaviour {
  return {
    family,
    kind: "daemon",
    processId: "meaningless",
    holdsConnections: false,
    configFirst: false,
    pausesBetweenLayers: false,
    ...(limited ? { downloadLimit: CONTAINERD_2_DOWNLOAD_LIMIT } : {}),
    afterFailedBlob: "asks_upstream",
    unknown: false,
    mayOnlyLook: false,
  };
}

function docker(): Behaviour {
  return { ...containerd("docker", false), afterFailedBlob: "repeats_later" };
}

function versionOf(userAgent: string): readonly [major: number, minor: number] | undefined {
  const match = /^[^/ ]+\/v?(\d+)\.(\d+)/.exec(userAgent);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

/** An unreadable version is a build of the day: new. */
function isSince(
  version: readonly [number, number] | undefined,
  since: readonly [number, number] | undefined,
): boolean {
  if (version === undefined || since === undefined) return true;
  return version[0] > since[0] || (version[0] === since[0] && version[1] >= since[1]);
}
