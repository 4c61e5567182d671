import type { IncomingMessage, ServerResponse } from "node:http";
import { errorBody, statusOf, type ErrorCode } from "../oci/error-code.ts";
import { sendBody, type BodyPlan } from "./body.ts";
import type { Content } from "./content.ts";
import type { RequestDraft } from "./recorder.ts";

/** One request with what is needed to answer it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: RequestDraft;
  readonly plan: BodyPlan;
}

/** Answers with a manifest or blob: conditional requests, one range, HEAD. */
export async function sendContent(exchange: Exchange, content: Content): Promise<void> {
  const { request, response } = exchange;
  const etag = `"${content.digest}"`;
  response.setHeader("Docker-Content-Digest", content.digest);
  response.setHeader("ETag", etag);
  response.setHeader("Accept-Ranges", "bytes");
  if (isNotModified(request.headers["if-none-match"], etag)) {
    response.writeHead(304).end();
    return;
  }
  response.setHeader("Content-Type", content.mediaType);
  const size = content.bytes.length;
  const range = isCurrent(request.headers["if-range"]?.toString(), etag)
    ? readRange(request.headers.range, size)
    : undefined;
  if (range === "unsatisfiable") {
    response.setHeader("Content-Range", `bytes */${size}`);
    sendError(exchange, "RANGE_INVALID", "the range starts behind the end of the content");
  } else if (range) {
    response.setHeader("Content-Range", `bytes ${range.start}-${range.end}/${size}`);
    await sendBytes(exchange, 206, content.bytes.subarray(range.start, range.end + 1));
  } else {
    await sendBytes(exchange, 200, content.bytes);
  }
}

export async function sendJson(exchange: Exchange, mediaType: string, value: unknown): Promise<void> {
  exchange.response.setHeader("Content-Type", mediaType);
  await sendBytes(exchange, 200, Buffer.from(JSON.stringify(value)));
}

export function sendError(exchange: Exchange, code: ErrorCode | "RANGE_INVALID", message: string): void {
  const status = code === "RANGE_INVALID" ? 416 : statusOf(code);
  const body = code === "RANGE_INVALID" ? "" : errorBody(code, message);
  exchange.response.setHeader("Content-Type", "application/json");
  exchange.response.setHeader("Content-Length", Buffer.byteLength(body));
  exchange.response.writeHead(status).end(exchange.request.method === "HEAD" ? undefined : body);
}

async function sendBytes(exchange: Exchange, status: number, bytes: Buffer): Promise<void> {
  const { request, response, record, plan } = exchange;
  response.setHeader("Content-Length", bytes.length);
  response.writeHead(status);
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  await sendBody(response, bytes, plan, (sliceBytes) => {
    record.bytes += sliceBytes;
  });
}

// RFC 9110 §13.1.2: "*" or a list of entity tags, compared weakly
function isNotModified(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(",").some((entry) => ["*", etag, `W/${etag}`].includes(entry.trim()));
}

// RFC 9110 §13.1.5: a range is for the representation with this entity tag only
function isCurrent(ifRange: string | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange === etag;
}

// RFC 9110 §14.2: what is no single byte range may be ignored
function readRange(
  value: string | undefined,
  size: number,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const [match, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(value ?? "") ?? [];
  if (match === undefined || (first === "" && last === "")) return undefined;
  if (first === "") {
    const suffix = Math.min(Number(last), size);
    return suffix === 0 ? "unsatisfiable" : { start: size - suffix, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return undefined;
  return start >= size ? "unsatisfiable" : { start, end };
}
