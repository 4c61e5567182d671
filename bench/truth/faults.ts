import { SeededRandom } from "./seeded-random.ts";

/** What the recorder does to one request before or while the registry answers it. Rates in bytes per millisecond. */
export interface Treatment {
  /** Before anything else. */
  readonly delayMs: number;
  /** Answer this instead of the registry. */
  readonly status?: 429 | 500 | 503;
  readonly retryAfterSeconds?: number;
  /** Destroy the connection after this share of the body, 0 to 1. */
  readonly cutAt?: number;
  readonly bytesPerMs: number;
}

/**
 * Shares of requests, as in the recorded runs. The proxy makes good a fault that passes, so a part of them is stubborn:
 * the same request fails again and again, which the client must notice.
 */
const SHARE = { blob500: 0.03, blob503: 0.03, cut: 0.04, blob429: 0.02, slow: 0.07, manifest500: 0.035, stubborn: 0.5 };
/** More than the proxy's own attempts, and small enough that a later pull of the same blob works again. */
const STUBBORN_REPEATS = 5;
/** Bytes per millisecond = kilobytes per second × 1: a registry 1 to 5 MB/s away. */
const RATE = { slowest: 1000, fastest: 5000, faulty: 400 };
/** Milliseconds until a head comes: a registry in the same region. */
const LATENCY = { shortest: 2, longest: 40 };

/** Decides what happens to each request. Repeatable: it depends on the seed, the request and how often it was made. */
export class FaultPlan {
  readonly #seed: number;
  readonly #faults: boolean;
  readonly #seen = new Map<string, number>();
  readonly #stubborn = new Map<string, { treatment: Treatment; left: number }>();

  constructor(seed: number, faults: boolean) {
    this.#seed = seed;
    this.#faults = faults;
  }

  treat(method: string, path: string): Treatment {
    const key = `${method} ${path}`;
    const repeated = this.#stubborn.get(path);
    if (repeated !== undefined && repeated.left > 0) {
      repeated.left -= 1;
      return repeated.treatment;
    }
    const times = this.#seen.get(key) ?? 0;
    this.#seen.set(key, times + 1);
    const random = new SeededRandom(this.#seed, "fault", key, times);
    const healthy = healthyTreatment(random);
    const treatment = this.#faults ? { ...healthy, ...faultOf(random, path) } : healthy;
    const failed = treatment.status === 500 || treatment.status === 503 || treatment.cutAt !== undefined;
    if (failed && random.chance(SHARE.stubborn)) this.#stubborn.set(path, { treatment, left: STUBBORN_REPEATS });
    return treatment;
  }
}

function healthyTreatment(random: SeededRandom): Treatment {
  return {
    delayMs: random.between(LATENCY.shortest, LATENCY.longest),
    bytesPerMs: random.between(RATE.slowest, RATE.fastest),
  };
}

function faultOf(random: SeededRandom, path: string): Partial<Treatment> {
  if (path.includes("/manifests/")) return random.chance(SHARE.manifest500) ? { status: 500 } : {};
  if (!path.includes("/blobs/")) return {};
  const drawn = random.next();
  const upTo = cumulative([SHARE.blob500, SHARE.blob503, SHARE.cut, SHARE.blob429, SHARE.slow]);
  if (drawn < upTo[0]!) return { status: 500 };
  if (drawn < upTo[1]!) return { status: 503 };
  if (drawn < upTo[2]!) return { cutAt: random.between(0.05, 0.95) };
  if (drawn < upTo[3]!) return { status: 429, retryAfterSeconds: random.integer(1, 2) };
  if (drawn < upTo[4]!) return { delayMs: random.between(1000, 5000), bytesPerMs: RATE.faulty };
  return {};
}

function cumulative(shares: readonly number[]): number[] {
  let sum = 0;
  return shares.map((share) => (sum += share));
}
