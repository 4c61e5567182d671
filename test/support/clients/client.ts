// Real container clients, driven from TypeScript. Each instance keeps everything (store, state, sockets, configuration) in a folder
// of its own under the system's temporary folder, so many can run side by side; close() stops what it started and removes the folder.
//
//   const registry = await startDockerRegistry({ auth: "none" });              docker-registry.ts
//   const image = buildImage({ layers: [buildLayer({ bytes: 1_000_000 })] });  image.ts
//   await registry.push("library/app", "v1", image);
//
//   const mirrors = [{ registry: "docker.io", url: "http://127.0.0.1:5001", upstream: registry.url }];
//   const podman = await createPodman({ release: "sid", mirrors });            podman.ts, buildah.ts, skopeo.ts
//   const containerd = await startContainerd({ release: "sid", mirrors });     containerd.ts: pulls by CRI, or by ctr with api: "ctr"
//   const docker = await startDockerd({ release: "bookworm", mirror });        dockerd.ts
//
//   const result = await podman.pull("docker.io/library/app:v1", { signal });
//   await podman.remove("docker.io/library/app:v1");
//   await podman.close();
//
// Clients come from Debian in two releases, installed by .ci/install. `missingPrograms(...)` in programs.ts says what is not there.
import type { Release } from "./programs.ts";

/** A mirror of a registry, as a client's configuration knows it. */
export interface Mirror {
  /** As image names say it: "docker.io", "registry.example.test:5000". */
  readonly registry: string;
  /** Where the mirror listens: "http://127.0.0.1:5001". */
  readonly url: string;
  /** Where the client goes when the mirror fails. Default: nowhere (nowhere.ts), so that nothing leaves the machine. */
  readonly upstream?: string;
  /** Sent with every request to the mirror (containerd only). */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface PullOptions {
  /** As the client's own option gives them: podman --creds, CRI AuthConfig, ctr --user, docker login. */
  readonly credentials?: Credentials;
  /** An auth.json for this pull alone: credentials for a mirror, which podman's --creds never reach (podman only). */
  readonly authFile?: string;
  /** W3C traceparent, passed as gRPC metadata (CRI only). */
  readonly traceparent?: string;
  /** Aborting kills the client's process (SIGKILL), or cancels the call to the daemon. */
  readonly signal?: AbortSignal;
  /** Called with the process that makes the pull, where a pull has a process of its own (podman, buildah, skopeo, ctr). */
  readonly onSpawn?: (pid: number) => void;
}

export interface PullResult {
  /** 0, the program's exit code, 128 + signal, or the gRPC status code of a failed CRI call; 1 for an error from dockerd. */
  readonly exitCode: number;
  /** What the client printed, when exitCode is not 0. */
  readonly error: string;
  /** Epoch milliseconds at the caller: before the process or call began, and after it ended. */
  readonly startMs: number;
  readonly endMs: number;
  /** The process that pulled, where a pull has a process of its own. */
  readonly pid?: number;
}

export interface Client {
  readonly name: "podman" | "buildah" | "skopeo" | "ctr" | "containerd" | "dockerd";
  readonly release: Release;
  /** As the program prints it: "5.8.6". */
  readonly version: string;
  pull(image: string, options?: PullOptions): Promise<PullResult>;
  /** Removes the image and every layer that no other image needs. Fails if it is not there. */
  remove(image: string): Promise<void>;
  /** Names of the images in the store, as the client prints them. */
  list(): Promise<readonly string[]>;
  /** The end of what the client logged, for a failed test's message. */
  readonly log: () => string;
  readonly close: () => Promise<void>;
}

/** Epoch milliseconds from the monotonic clock, as the proxy's own. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
