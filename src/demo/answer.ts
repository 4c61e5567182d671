import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { isDigest } from "../oci/digest.ts";
import { parseRoute, type Route } from "../oci/route.ts";
import type { Gate } from "./auth.ts";
import type { BodyPlan } from "./body.ts";
import type { Catalog } from "./catalog.ts";
import type { FaultAction } from "./faults.ts";
import { sendCatalog, sendReferrers, sendTags } from "./listings.ts";
import type { RequestDraft } from "./recorder.ts";
import { sendContent, sendError, sendJson, type Exchange } from "./respond.ts";

/** What a registry answers from. */
export interface Contents {
  readonly catalog: Catalog;
  readonly gate: Gate;
  readonly redirectBlobsTo: string | undefined;
  readonly throttleBytesPerSecond: number | undefined;
}

export interface FaultyExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: RequestDraft;
  readonly fault: FaultAction | undefined;
}

/** Answers one request, with the fault that was scripted for it. */
export async function answer(contents: Contents, faulty: FaultyExchange): Promise<void> {
  const { request, response, record, fault } = faulty;
  request.resume();
  const plan: BodyPlan = contents.throttleBytesPerSecond ? { bytesPerSecond: contents.throttleBytesPerSecond } : {};
  const exchange = { request, response, record, plan };
  switch (fault?.kind) {
    case undefined:
      return answerAsAsked(contents, exchange);
    case "respond":
      response.writeHead(fault.status, (fault.headers ?? []).flat()).end(fault.body);
      return;
    case "drop":
      request.socket.destroy();
      return;
    case "silence":
      return;
    case "delay":
      await delay(response, fault.ms);
      return answerAsAsked(contents, exchange);
    case "cut":
      return answerAsAsked(contents, { ...exchange, plan: { ...plan, cutAfterBytes: fault.afterBytes } });
    case "stall":
      return answerAsAsked(contents, { ...exchange, plan: { ...plan, stallAfterBytes: fault.afterBytes } });
  }
}

async function answerAsAsked(contents: Contents, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return sendError(exchange, "UNSUPPORTED", "this registry can only be read");
  }
  if (path === "/token") return contents.gate.sendToken(exchange);
  if (path.startsWith("/storage/")) return answerAsStorage(contents, exchange, path.slice("/storage/".length));

  const route = parseRoute(path);
  if (route.kind === "invalid") return sendError(exchange, route.code, "the path is not of the distribution API");
  const challenge = contents.gate.challenge(request.headers.authorization, repositoryOf(route));
  if (challenge !== undefined) {
    response.setHeader("WWW-Authenticate", challenge);
    return sendError(exchange, "UNAUTHORIZED", "authentication required");
  }
  return answerRoute(contents, exchange, { route, path, query: new URLSearchParams(query) });
}

async function answerRoute(
  contents: Contents,
  exchange: Exchange,
  { route, path, query }: { route: Route; path: string; query: URLSearchParams },
): Promise<void> {
  const { catalog } = contents;
  switch (route.kind) {
    case "ping":
      exchange.response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
      return sendJson(exchange, "application/json", {});
    case "manifest": {
      const manifest = catalog.manifest(route.repository, route.reference);
      return manifest
        ? sendContent(exchange, manifest)
        : sendError(exchange, "MANIFEST_UNKNOWN", `${route.repository} has no ${route.reference}`);
    }
    case "blob":
      return answerBlob(contents, exchange, route);
    case "tags":
      return sendTags(exchange, catalog, route.repository, query);
    case "catalog":
      return sendCatalog(exchange, catalog, query);
    case "referrers":
      return sendReferrers(exchange, catalog, { repository: route.repository, digest: lastSegment(path), query });
    case "upload":
    case "invalid":
      return sendError(exchange, "UNSUPPORTED", "this registry can only be read");
  }
}

async function answerBlob(
  { catalog, redirectBlobsTo }: Contents,
  exchange: Exchange,
  { repository, digest }: { repository: string; digest: string },
): Promise<void> {
  const blob = catalog.blob(repository, digest);
  if (!blob) return sendError(exchange, "BLOB_UNKNOWN", `${repository} has no blob ${digest}`);
  if (redirectBlobsTo === undefined) return sendContent(exchange, { ...blob, mediaType: "application/octet-stream" });
  const location = `${redirectBlobsTo}/storage/${digest}?X-Signature=demo`;
  exchange.response.writeHead(307, { Location: location, "Content-Length": 0 }).end();
}

/** Like object storage behind a registry: a signed URL, and no other way to authenticate beside it. */
async function answerAsStorage({ catalog }: Contents, exchange: Exchange, digest: string): Promise<void> {
  if (exchange.request.headers.authorization !== undefined) {
    exchange.response.writeHead(400, { "Content-Type": "text/plain" }).end("only one way to authenticate is allowed\n");
    return;
  }
  const blob = isDigest(digest) ? catalog.storedBlob(digest) : undefined;
  if (!blob) return sendError(exchange, "BLOB_UNKNOWN", "no such object");
  return sendContent(exchange, { ...blob, mediaType: "application/octet-stream" });
}

function repositoryOf(route: Route): string | undefined {
  return "repository" in route ? route.repository : undefined;
}

function lastSegment(path: string): string {
  return decodeURIComponent(path.slice(path.lastIndexOf("/") + 1));
}

async function delay(response: ServerResponse, ms: number): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  await sleep(ms, undefined, { signal: gone.signal }).catch(() => undefined);
}
