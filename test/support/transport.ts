import assert from "node:assert/strict";
import { lookup } from "node:dns";
import type { TestContext } from "node:test";
import type { BlobRequest } from "../../src/upstream/blob-exchange.ts";
import { BlobTransport, type BlobTransportOptions } from "../../src/upstream/blob-transport.ts";
import { createConnector } from "../../src/upstream/connect.ts";
import type { UpstreamResponse } from "../../src/upstream/exchange.ts";
import { TlsTrust } from "../../src/upstream/tls-trust.ts";
import { TEST_TLS } from "./tls.ts";

/** A transport of its own that must have all its memory back when the test is over. */
export function startTransport(t: TestContext, options: Partial<BlobTransportOptions> = {}): BlobTransport {
  const times = { connectTimeoutMs: 5_000, tlsTimeoutMs: 5_000 };
  const connect = createConnector({ ...times, lookup, trust: new TlsTrust() });
  const transport = new BlobTransport({ connect, stallTimeoutMs: 10_000, maxHeadBytes: 65_536, ...options });
  t.after(async () => {
    await transport.close();
    assert.deepEqual([transport.leasedBytes, transport.openConnections, transport.idleConnections], [0, 0, 0]);
  });
  return transport;
}

export function requestTo(origin: URL, request: Partial<BlobRequest> = {}): BlobRequest {
  return {
    dial: { origin, ca: TEST_TLS.ca, allowPrivate: true },
    path: "/v2/app/blobs/x",
    method: "GET",
    headers: ["Host", origin.host],
    signal: new AbortController().signal,
    headTimeoutMs: 10_000,
    ...request,
  };
}

/** Fails when the answer was given back. */
export async function fetchFrom(
  transport: BlobTransport,
  origin: URL,
  request: Partial<BlobRequest> = {},
): Promise<UpstreamResponse> {
  const response = await transport.ask(requestTo(origin, request));
  assert.ok(response !== undefined, "the answer is of a kind that is not read");
  return response;
}

/** Reads a body as a client does whose kernel takes everything at once. Its connection is kept, if it is, when this resolves. */
export async function readBody({ body }: UpstreamResponse): Promise<string> {
  const chunks: Buffer[] = [];
  await body.deliver((chunk) => {
    chunks.push(Buffer.from(chunk));
    return true;
  });
  await new Promise(setImmediate);
  return Buffer.concat(chunks).toString("latin1");
}
