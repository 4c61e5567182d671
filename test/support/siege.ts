import { createMetrics, type MetricsOptions } from "../../src/metrics/create-metrics.ts";
import { exposeMetrics, type Expose } from "../../src/metrics/exposition.ts";
import { AUTH_KINDS, CAUSES, END_RULES, PHASES, STATUSES, UNASSIGNED_REASONS } from "../../src/metrics/label-values.ts";
import { observePulls } from "../../src/metrics/observe-pulls.ts";
import { observeTransfers } from "../../src/metrics/observe-transfers.ts";
import { parseRoute } from "../../src/oci/route.ts";
import type { CredentialEvidence } from "../../src/pull/credentials.ts";
import type { Failure } from "../../src/pull/outcome.ts";
import type { FinishedPull } from "../../src/pull/pull-event.ts";
import { finishedBlob, finishedPull, START_MS } from "./finished-pull.ts";

/** Numbers that look random and are the same in every run: xorshift32. */
function randomNumbers(): (below: number) => number {
  let state = 0x9e3779b9;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/**
 * The metrics of a proxy after as many requests, and pulls, of clients that make up everything that a client can make up:
 * half of them name a registry that nobody has named before.
 */
export function besiege(rounds: number, options: Partial<MetricsOptions>): Expose {
  const metrics = createMetrics({ version: "1.2.3", ...options });
  const [pulls, transfers] = [observePulls(metrics), observeTransfers(metrics)];
  const random = randomNumbers();
  const oneOf = <T>(values: readonly T[]): T => values[random(values.length)] as T;
  const word = (length: number) => {
    let text = "";
    while (text.length < length) text += random(2 ** 32).toString(36);
    return text.slice(0, length);
  };
  const configured = options.registries ?? [];
  const newHost = () =>
    oneOf([
      () => `registry-${word(8)}.${oneOf(["com", "example.co.uk", "internal", "s3.amazonaws.com"])}:${random(70_000)}`,
      () => `${random(256)}.${random(256)}.${random(256)}.${random(256)}`,
      () => word(20),
      () => `${word(63)}.${word(63)}.${word(60)}.org`,
      // `*.ck` is a public suffix: all of this is the registrable domain.
      () => `${word(63)}.${word(50)}.ck`,
    ])();
  // New names overflow; names that come again fill what there is room for.
  const recurring = [...configured, ...Array.from({ length: 60 }, newHost)];
  const host = () => (random(2) === 0 ? newHost() : oneOf(recurring));
  const isolations = Array.from({ length: 500 }, (_, index) =>
    index % 2 === 0 ? word(32) : `${word(4)} "${word(3)}\n`,
  );
  const methods = ["GET", "HEAD", "PUT", "POST", "DELETE", "BREW"];
  const evidence: readonly CredentialEvidence[] = ["none", "anonymous_basic", "basic", "bearer", "opaque_bearer"];
  const failures: readonly Failure[] = [
    "refused",
    "dns",
    "connect",
    "tls",
    "header_timeout",
    "stalled",
    "truncated",
    "digest_mismatch",
    "client_aborted",
    "proxy",
  ];
  const digest = `sha256:${"a".repeat(64)}`;
  for (let transfer = 0; transfer < rounds; transfer++) {
    const registry = host();
    const path = oneOf([
      "/v2/",
      `/v2/${word(5)}/manifests/${word(3)}`,
      `/v2/a/blobs/${digest}`,
      `/${word(9)}`,
      "/v2/_catalog",
    ]);
    const status = oneOf([200, 206, 307, 401, 404, 429, 500, 999, 100]);
    transfers({
      type: "started",
      atMs: START_MS,
      transfer,
      connection: transfer,
      listener: "shared",
      remoteAddress: "127.0.0.1",
      registry,
      method: oneOf(methods),
      route: parseRoute(path),
      userAgent: word(10),
      accept: "*/*",
      credentials: oneOf(evidence),
      forwarded: false,
    });
    transfers({
      type: "upstream-exchanged",
      atMs: START_MS + 1,
      transfer,
      registry,
      host: registry,
      outcome: oneOf<number | Failure>([status, oneOf(failures)]),
      headMs: random(40_000),
    });
    transfers({
      type: "responded",
      atMs: START_MS + random(50_000),
      transfer,
      status,
      rateLimit: { limit: random(1000), remaining: random(1000), windowSeconds: random(100_000) },
      ...(random(2) === 0 && { retryAfterSeconds: random(100) }),
      ...(random(5) === 0 && { failure: oneOf(failures) }),
    });
    const waits = {
      upstreamMs: random(1e6),
      clientMs: random(1e6),
      upstreamStalls: random(3),
      clientStalls: random(3),
    };
    transfers(
      random(2) === 0
        ? { type: "finished", atMs: START_MS, transfer, bytes: random(1e9), waits }
        : { type: "failed", atMs: START_MS, transfer, bytes: random(1e9), failure: oneOf(failures), waits },
    );
    transfers({
      type: "token-answered",
      atMs: START_MS,
      transfer,
      connection: transfer,
      listener: "shared",
      remoteAddress: "127.0.0.1",
      userAgent: word(10),
      registry,
      hasCredentials: random(2) === 0,
      outcome: oneOf<number | Failure>([status, oneOf(failures)]),
      durationMs: random(40_000),
    });
    pulls({
      type: "pull-finished",
      pull: finishedPull({
        id: word(16),
        registry,
        isolation: oneOf(isolations),
        trigger: oneOf(["execution", "warmup", word(4) as "warmup"]),
        status: oneOf(STATUSES) as FinishedPull["status"],
        cause: oneOf(CAUSES) as FinishedPull["cause"],
        auth: oneOf(AUTH_KINDS) as "basic",
        endRule: oneOf(END_RULES) as "settled",
        onDisk: random(2) === 0,
        hasCreds: random(2) === 0,
        bytesOnDisk: random(1e9),
        phases: Object.fromEntries(PHASES.map((phase) => [phase, random(1_000_000)])),
        traceId: "0af7651916cd43dd8448eb211c80319c",
        endMs: START_MS + random(4_000_000),
        decidedMs: START_MS + transfer,
        blobs: [
          finishedBlob({
            deliveredBytes: 1_000_000 + random(1e9),
            endMs: START_MS + 151 + random(1e5),
            servingHost: host(),
          }),
        ],
      }),
    });
    pulls({ type: "unassigned", reason: oneOf(UNASSIGNED_REASONS) as "other", registry });
  }
  return exposeMetrics(metrics);
}
