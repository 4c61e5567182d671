import type { IncomingMessage, ServerResponse } from "node:http";
import { isDigest } from "../oci/digest.ts";
import type { Route } from "../oci/route.ts";
import { causeOfStatus, type Failure } from "../pull/outcome.ts";
import type { Observer, RefusalReason, TransferStarted } from "../pull/transfer-event.ts";
import type { UpstreamResponse } from "../upstream/exchange.ts";
import type { HeaderNames } from "../upstream/raw-headers.ts";
import type { UpstreamRequest } from "../upstream/upstream-request.ts";
import type { UpstreamClient } from "../upstream/upstream-client.ts";
import { describeOutcome, toUpstreamError, UpstreamError } from "../upstream/upstream-error.ts";
import type { FindUpstream, Upstream } from "../upstream/upstream.ts";
import type { BlobVerifier } from "./blob-verifier.ts";
import type { ClientResponse } from "./client-response.ts";
import type { Connection } from "./connection.ts";
import { failureResponse, refusalResponse, type OwnResponse } from "./error-response.ts";
import { deliver } from "./deliver.ts";
import { forwardRequestHeaders } from "./headers.ts";
import { answerTokenRequest, isTokenRequest } from "./answer-token-request.ts";
import { findStranger } from "./authenticate.ts";
import type { Draining } from "./draining.ts";
import { inspectBody } from "./inspect-body.ts";
import type { Passthrough } from "./passthrough.ts";
import type { RequestHead } from "./plain-request.ts";
import { findRefusal, isPull, type Refusal } from "./refusal.ts";
import { readRequestFacts, type LabelHeaders } from "./request-facts.ts";
import { resolveTarget, type Target } from "./resolve-registry.ts";
import type { TokenRelay } from "./token-relay.ts";
import { Transfer } from "./transfer.ts";

/** What every request needs. */
export interface DataPlane {
  readonly findUpstream: FindUpstream;
  readonly client: UpstreamClient;
  readonly passthrough: Passthrough;
  readonly verifier: BlobVerifier;
  readonly observe: Observer;
  readonly now: () => number;
  readonly labelHeaders: LabelHeaders;
  /** Request headers that are for the proxy and go no further. */
  readonly takenHeaders: HeaderNames;
  readonly nextTransferId: () => number;
  /** More requests are being handled than may be, this one included. */
  readonly isOverloaded: () => boolean;
  /** Once the process is about to end. */
  readonly draining: () => Draining | undefined;
  /** Absent: clients get their tokens elsewhere. */
  readonly tokens?: TokenRelay;
}

/** One request, as the server gives it. */
export interface ClientRequest {
  readonly request: RequestHead;
  readonly response: ClientResponse;
  readonly connection: Connection;
  /** As Node.js has read it; absent where it did not: then it is plain, and part of a pull. */
  readonly node?: { readonly request: IncomingMessage; readonly response: ServerResponse };
}

/** The hot path. docs/request-handling.md tells the same steps in words: change both, or neither. Never rejects. */
export async function handleRequest(plane: DataPlane, client: ClientRequest): Promise<void> {
  const { request, connection } = client;
  const { listener } = connection;
  const { tokens } = plane;

  // 0. May this client use the listener? Is it for a token, where the proxy relays them?
  const stranger = connection.credentials && (await findStranger(request, connection.credentials));
  if (stranger !== undefined) return turnAway(plane, client, stranger);
  if (tokens !== undefined && isTokenRequest(request.url ?? "")) return answerTokenRequest(plane, tokens, client);

  // 1. What is asked for, and of which registry?
  const target = resolveTarget(request.url ?? "", request.rawHeaders, listener.registry);

  if (tokens !== undefined) request.rawHeaders = tokens.unseal(request.rawHeaders, target.registry);

  // Asked before the request itself makes its pull one that is under way.
  const draining = plane.draining();
  const isTooLate = draining !== undefined && (await draining.comesTooLate(request.method, target));

  // 2. From here on there is a transfer. It ends with the client's connection, if not before.
  const transfer = start(plane, client, target);
  try {
    // 3. What the rules forbid is refused.
    const upstream = target.registry === "" ? undefined : plane.findUpstream(target.registry);
    const refusal = findRefusal({
      request,
      listener,
      target,
      upstream,
      isTooLate,
      isOverloaded: connection.isSurplus || plane.isOverloaded(),
    });
    if (refusal !== undefined) return refuse(plane, client, transfer, refusal);

    // 4. A ping that names no registry asks whether a registry is here at all.
    if (upstream === undefined) {
      return answer(client, transfer, tokens?.sharedChallenge(listener, request.rawHeaders) ?? PONG);
    }

    // 5. The upstream is asked: for a pull, following where it redirects; for the rest, as it is.
    const result = isPull(request, target)
      ? await fetchForPull(plane, client, transfer, { target, upstream })
      : await plane.passthrough.fetch({ ...readByNode(client), transfer, target, upstream });

    // 6. Its response is the client's: head, then body, as it comes.
    const led = tokens?.isOn(listener, upstream) === true;
    const told = led ? tokens.leadHere(result, upstream, target, { listener, headers: request.rawHeaders }) : result;
    if (transfer.isOver) return;
    const inspection = inspectBody(told, { method: request.method, target, upstream }, plane.verifier);
    await deliver(client, transfer, told, inspection);
  } catch (error) {
    // 7. There is no response, or it was cut short.
    giveUp(plane, client, transfer, toUpstreamError(error, target.registry));
  }
}

/** The ping's answer of a registry that asks for nothing. */
const PONG: OwnResponse = {
  status: 200,
  headers: [
    "Content-Type",
    "application/json",
    "Content-Length",
    "2",
    "Docker-Distribution-Api-Version",
    "registry/2.0",
  ],
  body: "{}",
};

function start(plane: DataPlane, { request, response, connection }: ClientRequest, target: Target): Transfer {
  const { listener, remoteAddress } = connection;
  const { observe, now } = plane;
  const credentials = plane.tokens?.evidence(request.rawHeaders);
  const transfer = new Transfer({ id: plane.nextTransferId(), connection, response, observe, now });
  const event: TransferStarted = {
    type: "started",
    atMs: now(),
    transfer: transfer.id,
    connection: connection.id,
    listener: listener.name,
    remoteAddress,
    registry: target.registry,
    method: request.method ?? "",
    route: target.route,
    ...readRequestFacts(request.rawHeaders, listener, plane.labelHeaders),
    ...(credentials !== undefined && { credentials }),
  };
  observe(event);
  // A socket that died before its request was handled tells nobody again.
  if (!connection.isOpen) transfer.fail("client_aborted");
  return transfer;
}

function fetchForPull(
  plane: DataPlane,
  { request, connection }: ClientRequest,
  transfer: Transfer,
  { target, upstream }: { readonly target: Target; readonly upstream: Upstream },
): Promise<UpstreamResponse> {
  const { route } = target;
  const { registry } = upstream;
  return plane.client.fetch(upstream, {
    method: request.method === "HEAD" ? "HEAD" : "GET",
    path: target.path,
    headers: forwardRequestHeaders(request.rawHeaders, plane.takenHeaders),
    // A ping has nothing to observe, but it decides about credentials: its client must know who it is that asks.
    redirects: route.kind === "ping" ? "pass" : upstream.redirects,
    signal: transfer.signal,
    onExchange: (host, outcome, startedMs) => {
      const atMs = plane.now();
      const headMs = atMs - startedMs;
      plane.observe({
        type: "upstream-exchanged",
        atMs,
        transfer: transfer.id,
        registry,
        host,
        headMs,
        ...describeOutcome(outcome),
      });
    },
    onRepeat: (repeated, outcome) => {
      const cause = typeof outcome === "number" ? causeOfStatus(outcome) : outcome.failure;
      plane.observe({ type: "upstream-repeated", atMs: plane.now(), transfer: transfer.id, registry, repeated, cause });
    },
    ...deliveryOf(route, `${connection.remoteAddress} ${registry}`),
  });
}

/** `askedBy`: who asks whom, so that what is resumed for one pull is counted. */
function deliveryOf(route: Route, askedBy: string): Pick<UpstreamRequest, "delivery" | "digest" | "resumeKey"> {
  if (route.kind === "blob") {
    return { delivery: "streamed", digest: route.digest, resumeKey: `${askedBy}/${route.repository}` };
  }
  const isByDigest = route.kind === "manifest" && isDigest(route.reference);
  return { delivery: "whole", ...(isByDigest && { digest: route.reference }) };
}

/** What is no pull may have a body, and bodies of requests are read by Node.js alone. */
function readByNode({ node }: ClientRequest): NonNullable<ClientRequest["node"]> {
  if (node === undefined) throw new UpstreamError("proxy", "a plain request is always part of a pull");
  return node;
}

function refuse(plane: DataPlane, client: ClientRequest, transfer: Transfer, refusal: Refusal): void {
  reportRefusal(plane, client.connection, refusal.reason);
  // RFC 9112 §6.1: where a message ends that is read in two ways is not known, nor what the bytes behind it are.
  if (refusal.reason === "bad_request") client.connection.closeAfterResponse();
  answer(client, transfer, refusalResponse(refusal.reason, refusal.message, refusal.headers), failureOf(refusal));
}

/** Who may not use the listener makes no transfer that anybody observes: it is no pull of anyone's. */
function turnAway(plane: DataPlane, client: ClientRequest, { reason, message, headers }: Refusal): void {
  const { response, connection } = client;
  if (!connection.isOpen) return;
  reportRefusal(plane, connection, reason);
  const unobserved = { id: plane.nextTransferId(), connection, response, observe: () => {}, now: plane.now };
  answer(client, new Transfer(unobserved), refusalResponse(reason, message, headers));
}

function failureOf({ reason }: Refusal): Failure {
  return reason === "draining" ? "shutdown" : "refused";
}

function reportRefusal({ observe, now }: DataPlane, { listener }: Connection, reason: RefusalReason): void {
  observe({ type: "refused", atMs: now(), listener: listener.name, reason });
}

function giveUp(plane: DataPlane, client: ClientRequest, transfer: Transfer, error: UpstreamError): void {
  if (transfer.isOver) return;
  if (client.response.headersSent) return transfer.fail(error.failure);
  if (error.failure === "refused") reportRefusal(plane, client.connection, "address");
  answer(client, transfer, failureResponse(error.failure, error.message), error.failure);
}

function answer(
  { request }: ClientRequest,
  transfer: Transfer,
  { status, headers, body }: OwnResponse,
  failure?: Failure,
): void {
  if (transfer.isOver) return;
  transfer.respond({ status, headers, ...(failure !== undefined && { failure }) });
  if (request.method !== "HEAD") transfer.bytes = Buffer.byteLength(body);
  transfer.end(request.method === "HEAD" ? "" : body);
}
