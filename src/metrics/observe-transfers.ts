import { OTHER } from "../label/cap.ts";
import { provesCredentials } from "../pull/credentials.ts";
import type {
  Observer,
  ResponseStarted,
  TransferFailed,
  TransferFinished,
  TransferStarted,
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
  const admitted = metrics.caps.requestCombination.admit(`${registry} ${operation} ${outcome}`) !== OTHER;
  metrics.requests.inc({ registry: admitted ? registry : OTHER, operation, outcome });
  metrics.responseBytes.inc({ registry, outcome }, atLeastZero(end.bytes));
}

function countUpstreamRequest(metrics: Metrics, event: UpstreamExchanged): void {
  const answered = typeof event.outcome === "number";
  const outcome = typeof event.outcome === "number" ? outcomeOfStatus(event.outcome) : event.outcome;
  const registry = registryValue(metrics.caps, event.registry, outcome);
  metrics.upstreamRequests.inc({ registry, outcome });
  if (answered) metrics.upstreamHeadDuration.observe({ registry }, atLeastZero(event.headMs) / 1000);
}
