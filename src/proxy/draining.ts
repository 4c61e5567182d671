import type { Target } from "./resolve-registry.ts";

/** What whoever drains needs to know of pulls: they open new connections, and pause between two requests. */
export interface PullsUnderWay {
  /** How long nothing must have run: some requests are of pulls that nobody knows, as they began before this process. */
  readonly quietMs: number;
  /** True while some pull may still ask for something. */
  isAny(): boolean;
  /** True if a pull of this repository is under way. Never rejects. */
  isOf(registry: string, repository: string): boolean | Promise<boolean>;
}

/** For a data plane that nobody watches: there is nothing but what runs. */
export const NO_PULLS: PullsUnderWay = { quietMs: 0, isAny: () => false, isOf: () => false };

/** Decides, while the process is about to end, which requests still belong here. */
export class Draining {
  readonly #pulls: PullsUnderWay;
  readonly #turnedAway = new Set<string>();

  constructor(pulls: PullsUnderWay) {
    this.#pulls = pulls;
  }

  /**
   * Every pull begins with a manifest, and there every client goes elsewhere when it is refused. Blobs belong to pulls
   * that may have nowhere else to go; but of one that was turned away containerd asks for each blob here first again.
   */
  async comesTooLate(method: string | undefined, { registry, route }: Target): Promise<boolean> {
    const isManifest = route.kind === "manifest";
    // A push looks for blobs with HEAD.
    if (!isManifest && !(route.kind === "blob" && method === "GET")) return false;
    if (await this.#pulls.isOf(registry, route.repository)) return false;
    const name = `${registry}/${route.repository}`;
    if (isManifest && this.#turnedAway.size < MAX_TURNED_AWAY) this.#turnedAway.add(name);
    return isManifest || this.#turnedAway.has(name);
  }
}

/** 10,000 repositories: more than a node asks for while one process ends, and 1 MB. */
const MAX_TURNED_AWAY = 10_000;

/** 50 ms: how exactly the end of the last pull is seen. */
const CHECK_MS = 50;

/** Resolves with true once `isOver` says so, or with false when the time is over. */
export function waitUntil(isOver: () => boolean, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  return new Promise((resolve) => {
    const look = (): void => {
      if (isOver()) return resolve(true);
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return resolve(false);
      setTimeout(look, Math.min(CHECK_MS, leftMs));
    };
    look();
  });
}
