import { OTHER } from "../label/cap.ts";
import { provesCredentials } from "../pull/credentials.ts";
import type {
  Observer,
  ResponseStarted,
  TokenAnswered,
  TransferFailed,
  TransferFinished,
  TransferStarted,
  TransferWaits,
  UpstreamExchanged,
} from "../pull/transfer-event.ts";
import type { Metrics } from "./create-metrics.ts";
import { operationOf, outcomeOfStatus, type Operation, type Outcome } from "./label-values.ts";
import { atLeastZero, registryValue } from "./values.ts";

/** What is known of a request that has not ended. */
interface OpenTransfer {
  readonly registry: string;
  readonly operation: Operation;
  readonly hasCreds: boolean;
  readonly startMs: number;
  /** Spent waiting for heads of upstreams. */
  upstreamMs: number;
  /** From the head of the response, once there is one. */
  outcome?: Outcome;
}

/** Turns what the data plane tells into metrics. */
export function observeTransfers(metrics: Metrics): Observer {
  // One entry for each open request: as many as there are sockets at most.
  const open = new Map<number, OpenTransfer>();
  return (event) => {
    switch (event.type) {
      case "connection-opened":
        metrics.clientConnections.inc();
        break;
      case "connection-closed":
        metrics.clientConnections.dec();
        break;
      case "started":
        open.set(event.transfer, openTransfer(event));
        break;
      case "responded": {
        const transfer = open.get(event.transfer);
        if (transfer) observeHead(metrics, transfer, event);
        break;
      }
      case "finished":
      case "failed": {
        const transfer = open.get(event.transfer);
        open.delete(event.transfer);
        if (transfer) countRequest(metrics, transfer, event);
        break;
      }
      case "upstream-exchanged": {
        const transfer = open.get(event.transfer);
        if (transfer) transfer.upstreamMs += atLeastZero(event.headMs);
        countUpstreamRequest(metrics, event);
        break;
      }
      case "token-answered":
        countTokenRequest(metrics, event);
        break;
      case "upstream-repeated":
      case "circuit-changed":
        break;
      case "refused":
        metrics.refused.inc({ reason: event.reason });
        break;
    }
  };
}

function openTransfer(event: TransferStarted): OpenTransfer {
  const { registry, credentials, atMs } = event;
  return {
    registry,
    operation: operationOf(event),
    hasCreds: provesCredentials(credentials),
    startMs: atMs,
    upstreamMs: 0,
  };
}

function observeHead(metrics: Metrics, transfer: OpenTransfer, event: ResponseStarted): void {
  const { startMs, upstreamMs } = transfer;
  transfer.outcome = event.failure ?? outcomeOfStatus(event.status);
  metrics.proxyHeadDuration.observe({}, atLeastZero(event.atMs - startMs - upstreamMs) / 1000);
  // What the proxy answers itself tells nothing of the registry's limits.
  if (event.failure === undefined) observeRateLimit(metrics, transfer, event);
}

function observeRateLimit(metrics: Metrics, transfer: OpenTransfer, event: ResponseStarted): void {
  const { status, rateLimit, retryAfterSeconds } = event;
  if (rateLimit === undefined && status !== 429) return;
  const registry = registryValue(metrics.caps, transfer.registry, "");
  if (status === 429) metrics.rateLimited.inc({ registry, retry_after: String(retryAfterSeconds !== undefined) });
  const { limit, remaining, windowSeconds } = rateLimit ?? {};
  const labels = { registry, has_creds: String(transfer.hasCreds) };
  if (limit !== undefined) metrics.ratelimitLimit.set(labels, limit);
  if (remaining !== undefined) metrics.ratelimitRemaining.set(labels, remaining);
  if (windowSeconds !== undefined) metrics.ratelimitWindow.set(labels, windowSeconds);
}

function countRequest(metrics: Metrics, transfer: OpenTransfer, end: TransferFinished | TransferFailed): void {
  const outcome = end.type === "failed" ? end.failure : (transfer.outcome ?? "proxy");
  const { operation } = transfer;
  const registry = registryValue(metrics.caps, transfer.registry, outcome);
  const admitted =
    metrics.requests.has({ registry, operation, outcome }) ||
    metrics.caps.requestCombination.admit(`${registry} ${operation} ${outcome}`) !== OTHER;
  metrics.requests.inc({ registry: admitted ? registry : OTHER, operation, outcome });
  metrics.responseBytes.inc({ registry, outcome }, atLeastZero(end.bytes));
  if (end.type === "finished" && end.verified !== undefined) {
    metrics.blobsVerified.inc({ registry, result: end.verified });
  }
  if (end.waits !== undefined) observeWaits(metrics, end, end.waits, { registry, operation });
}

/** 1 MiB/s over at least 1 MiB: what even a busy link gives; smaller blobs are all latency. */
const SLOWEST_BYTES_PER_MS = 1_048_576 / 1_000;
const SMALLEST_JUDGED_BYTES = 1_048_576;

function observeWaits(
  metrics: Metrics,
  end: TransferFinished | TransferFailed,
  { upstreamMs, clientMs, upstreamStalls, clientStalls }: TransferWaits,
  { registry, operation }: { readonly registry: string; readonly operation: Operation },
): void {
  const upstream = { registry, side: "upstream" } as const;
  const client = { registry, side: "client" } as const;
  metrics.transferWait.inc(upstream, atLeastZero(upstreamMs) / 1000);
  metrics.transferWait.inc(client, atLeastZero(clientMs) / 1000);
  if (upstreamStalls > 0) metrics.stalls.inc(upstream, upstreamStalls);
  if (clientStalls > 0) metrics.stalls.inc(client, clientStalls);
  const isWhole = end.type === "finished" && operation === "blob_get" && end.bytes >= SMALLEST_JUDGED_BYTES;
  if (!isWhole || end.bytes >= SLOWEST_BYTES_PER_MS * (upstreamMs + clientMs)) return;
  metrics.slowLayers.inc(upstreamMs >= clientMs ? upstream : client);
}

function countTokenRequest(metrics: Metrics, { outcome, registry: host, durationMs }: TokenAnswered): void {
  const isAnswered = typeof outcome === "number";
  const value = typeof outcome === "number" ? outcomeOfStatus(outcome) : outcome;
  const registry = registryValue(metrics.caps, host, value);
  metrics.tokenRequests.inc({ registry, outcome: value });
  if (isAnswered) metrics.tokenDuration.observe({ registry }, atLeastZero(durationMs) / 1000);
}

function countUpstreamRequest(metrics: Metrics, event: UpstreamExchanged): void {
  const answered = typeof event.outcome === "number";
  const outcome = typeof event.outcome === "number" ? outcomeOfStatus(event.outcome) : event.outcome;
  const registry = registryValue(metrics.caps, event.registry, outcome);
  metrics.upstreamRequests.inc({ registry, outcome });
  if (answered) metrics.upstreamHeadDuration.observe({ registry }, atLeastZero(event.headMs) / 1000);
}
