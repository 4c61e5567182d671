import type { FinishedBlob, FinishedPull } from "../../src/pull/pull-event.ts";

/** 2026-01-01T00:00:00Z: any fixed moment. */
export const START_MS = Date.UTC(2026, 0, 1);

const DIGEST = `sha256:${"a".repeat(64)}` as NonNullable<FinishedPull["rootDigest"]>;

/** A pull of ghcr.io/org/app:v1 by containerd that took 1.5 s; `overrides` make it another one. */
export function finishedPull(overrides: Partial<FinishedPull> = {}): FinishedPull {
  return {
    id: "0001",
    registry: "ghcr.io",
    repository: "org/app",
    reference: "v1",
    listener: "shared",
    client: { address: "127.0.0.1", family: "containerd", userAgent: "containerd/2.1.9" },
    isolation: "containerd",
    trigger: "execution",
    cause: "none",
    status: "ok",
    onDisk: false,
    joined: false,
    hasCreds: false,
    opaqueToken: false,
    attempts: 1,
    startMs: START_MS,
    endMs: START_MS + 1500,
    phases: { resolve: 100, layers: 1400, first_byte: 50 },
    decidedMs: START_MS + 3500,
    endRule: "settled",
    rootDigest: DIGEST,
    bytes: 1_048_576,
    layersRequested: 1,
    layersOnDisk: 2,
    blobs: [finishedBlob()],
    transfers: [1, 2, 3],
    ...overrides,
  };
}

export function finishedBlob(overrides: Partial<FinishedBlob> = {}): FinishedBlob {
  return {
    role: "layer",
    digest: DIGEST,
    sizeBytes: 1_000_000,
    deliveredBytes: 1_000_000,
    requests: 1,
    startMs: START_MS + 100,
    firstByteMs: START_MS + 150,
    endMs: START_MS + 1500,
    done: true,
    lastStatus: 200,
    servingHost: "cdn.example.com",
    ...overrides,
  };
}
