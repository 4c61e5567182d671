import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { startProxy, upstreamAt } from "../support/data-plane.ts";
import { responseBytes, startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { wireRequest, type WireResponse } from "../support/wire-client.ts";

/** One exchange: what the client writes beside request line and Host, and what the upstream answers. */
interface Case {
  readonly name: string;
  readonly method?: "GET" | "HEAD";
  readonly target?: string;
  readonly send?: readonly string[];
  readonly status: string;
  readonly headers?: readonly string[];
  readonly body?: Buffer | string;
  /** The body ends with the connection. */
  readonly closeDelimited?: boolean;
}

/** docs/request-handling.md lists these, and why. */
const REQUEST_HEADERS_THAT_DIFFER = new Set(["host", "connection", "keep-alive", "te", "expect", "x-hop", "upgrade"]);
const RESPONSE_HEADERS_THAT_DIFFER = new Set(["connection", "keep-alive", "transfer-encoding", "trailer", "x-hop"]);

const DIGEST = `sha256:${"a".repeat(64)}`;
const LARGE = Buffer.alloc(300_001, "0123456789abcdef");
const BLOB = `/v2/library/app/blobs/${DIGEST}`;
const MANIFEST = "/v2/library/app/manifests/latest";

const CASES: readonly Case[] = [
  ...statusCases(),
  ...methodCases(),
  ...targetCases(),
  ...requestHeaderCases(),
  ...responseHeaderCases(),
  ...rangeCases(),
  ...bodyCases(),
];

for (const [reader, sent] of [
  ["the proxy", []],
  // It goes no further, and is nothing plain.
  ["Node.js", ["Expect: nothing"]],
] as const) {
  const about = `${CASES.length} exchanges are the same through the proxy as without it, read by ${reader}`;
  test(about, async (t) => {
    const upstream = await startScriptedUpstream(answer);
    t.after(() => upstream.close());
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt(upstream.origin)],
      listener: { registry: "registry.test" },
    });

    const differing: unknown[] = [];
    for (const one of CASES) {
      const direct = await ask(Number(upstream.origin.port), one);
      const seenDirect = upstream.requests.at(-1);
      const proxied = await ask(proxy.port, one, sent);
      const seenProxied = upstream.requests.at(-1);
      try {
        assert.notEqual(seenDirect, seenProxied, "the proxied request reached the upstream");
        assert.deepEqual(requestOf(seenProxied), requestOf(seenDirect));
        assert.deepEqual(responseOf(proxied), responseOf(direct));
        assert.ok(direct.complete && proxied.complete, "both bodies are whole");
      } catch (error) {
        differing.push(`${one.name}: ${String(error)}`);
      }
    }
    assert.deepEqual(differing, []);
    assert.ok(CASES.length >= 300, "a few hundred");
  });
}

function answer({ method, headers, target, socket }: WireRequest): void {
  const one = CASES[Number(headers[headers.indexOf("X-Case") + 1])];
  assert.ok(one !== undefined, `no case for ${target}`);
  const body = method === "HEAD" ? "" : (one.body ?? "");
  const bytes = responseBytes([`HTTP/1.1 ${one.status}`, ...(one.headers ?? [])], body);
  const closes = one.closeDelimited === true || headers.includes("close");
  if (closes) socket.end(bytes);
  else socket.write(bytes);
}

function ask(port: number, one: Case, sent: readonly string[] = []): Promise<WireResponse> {
  const { method = "GET", target = MANIFEST, send = [] } = one;
  const number = `X-Case: ${CASES.indexOf(one)}`;
  return wireRequest(port, [`${method} ${target} HTTP/1.1`, "Host: registry.test", number, ...send, ...sent], method);
}

function requestOf(request: WireRequest | undefined): unknown {
  assert.ok(request !== undefined);
  const { method, target, headers } = request;
  return { method, target, headers: without(headers, REQUEST_HEADERS_THAT_DIFFER) };
}

function responseOf({ statusLine, headers, body }: WireResponse): unknown {
  return { statusLine, headers: without(headers, RESPONSE_HEADERS_THAT_DIFFER), body: body.toString("latin1") };
}

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  return headers.filter((_, i) => !names.has(headers[i - (i % 2)]?.toLowerCase() ?? ""));
}

function sized(body: Buffer | string): string {
  return `Content-Length: ${Buffer.byteLength(body)}`;
}

function statusCases(): Case[] {
  const body = '{"errors":[{"code":"UNKNOWN","message":"as the registry says it"}]}';
  const statuses = [200, 201, 202, 203, 206, 226, 300, 305, 306, 309, 399];
  for (let status = 400; status <= 599; status += 1) statuses.push(status);
  return statuses.map((status) => ({
    name: `status ${status}`,
    status: `${status} As The Registry Says`,
    headers: ["Content-Type: application/json", sized(body)],
    body,
  }));
}

function methodCases(): Case[] {
  const length = [
    "Content-Type: application/octet-stream",
    "Content-Length: 1234567",
    `Docker-Content-Digest: ${DIGEST}`,
  ];
  return ["200 OK", "401 Unauthorized", "404 Not Found", "500 Internal Server Error", "206 Partial Content"].flatMap(
    (status): Case[] => [
      { name: `HEAD manifest ${status}`, method: "HEAD", status, headers: length },
      { name: `HEAD blob ${status}`, method: "HEAD", target: BLOB, status, headers: length },
      { name: `HEAD ${status} without a length`, method: "HEAD", status, headers: ["Content-Type: text/plain"] },
    ],
  );
}

/** Where an end is not told by the framing, or a manifest is asked for by digest, the digest must be right. */
function hashOf(body: Buffer | string): string {
  return createHash("sha256").update(body).digest("hex");
}

function targetCases(): Case[] {
  const targets = [
    "/v2/",
    "/v2",
    "/v2/?",
    "/v2/?a=b",
    "/v2/a/manifests/v1.0_x-y",
    "/v2/a/b/c/d/e/f/manifests/latest",
    "/v2/a__b/c-d/e.f/manifests/latest",
    `/v2/a/manifests/sha256:${hashOf("ok")}`,
    `/v2/a/manifests/sha256%3A${hashOf("ok")}`,
    `/v2/a/manifests/sha256%3a${hashOf("ok")}`,
    "/v2/%61pp/manifests/l%61test",
    "/v2/library%2Fapp/manifests/latest",
    `${BLOB}?x=%20&y=+&z&=&&w=%zz`,
    `${BLOB}?digest=sha256:1#not-a-fragment`,
    `${MANIFEST}?nsx=1&xns=2&NS=3`,
    `${MANIFEST}?q=${"x".repeat(4000)}`,
    `/v2/a/blobs/sha512:${"c".repeat(128)}`,
  ];
  return targets.map((target) => ({
    name: `target ${target.slice(0, 80)}`,
    target,
    status: "200 OK",
    headers: [sized("ok")],
    body: "ok",
  }));
}

function requestHeaderCases(): Case[] {
  const ok = { status: "200 OK", headers: [sized("ok")], body: "ok" };
  const sends: readonly (readonly string[])[] = [
    [
      "Accept: application/vnd.oci.image.index.v1+json",
      "Accept: application/vnd.oci.image.manifest.v1+json",
      "accept: */*",
    ],
    ["X-MiXeD-CaSe: One", "x-mixed-case: Two", "X-MIXED-CASE: Three"],
    ["Authorization: Bearer abc.def.ghi"],
    ["authorization: Basic Og=="],
    ["User-Agent: containerd/2.1.9+unknown", "Accept-Encoding: zstd;q=1.0, gzip;q=0.8, deflate;q=0.5"],
    ["Accept-Encoding: identity"],
    ['If-None-Match: "one", W/"two"', "If-Modified-Since: Sat, 01 Nov 2025 00:00:00 GMT"],
    ['If-Range: "one"', "Range: bytes=5-"],
    ["Cookie: a=b", "Cookie: c=d"],
    ["X-Latin-1: caf\u00e9 \u00ff\u0080"],
    ["X-Empty:", "X-Spaces:   in   between   "],
    ["Via: 1.1 elsewhere", "X-Forwarded-For: 192.0.2.1, 192.0.2.2", "Forwarded: for=192.0.2.1"],
    ["traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate: a=1"],
    ["Content-Type: application/json", "Date: Sat, 01 Nov 2025 00:00:00 GMT"],
    ["__proto__: x", "constructor: y", "toString: z"],
    Array.from({ length: 150 }, (_, i) => `X-Many-${i}: ${i}`),
    [`X-Long: ${"y".repeat(20_000)}`],
    ["Keep-Alive: timeout=5", "Connection: keep-alive, X-Hop", "X-Hop: 1", "X-End: 2"],
    ["TE: trailers", "Connection: TE"],
  ];
  return sends.flatMap((send, i): Case[] => [
    { name: `request headers ${i}, GET`, send, ...ok },
    { name: `request headers ${i}, HEAD`, method: "HEAD", target: BLOB, send, ...ok },
    { name: `request headers ${i}, ping`, target: "/v2/", send, ...ok },
  ]);
}

function responseHeaderCases(): Case[] {
  const sets: readonly (readonly string[])[] = [
    ["Set-Cookie: a=1", "Set-Cookie: b=2; Path=/", "set-cookie: c=3"],
    ['WWW-Authenticate: Bearer realm="https://auth.test/token",service="r",scope="repository:a:pull"'],
    ['www-authenticate: Basic realm="a"', 'WWW-AUTHENTICATE: Bearer realm="b"'],
    ["DOCKER-content-DIGEST: " + DIGEST, "docker-distribution-api-version: registry/2.0"],
    ["X-MiXeD: 1", "x-mixed: 2", "X-MIXED: 3"],
    ["Date: Sat, 01 Nov 2025 00:00:00 GMT", "Server: nginx/1.0", "Via: 1.1 cdn"],
    ["RateLimit-Limit: 100;w=21600", "ratelimit-remaining: 99;w=21600", "Retry-After: 3"],
    ['Link: </v2/_catalog?last=a&n=1>; rel="next"', 'ETag: W/"x"', "Age: 5"],
    ["Content-Type: application/vnd.oci.image.manifest.v1+json; charset=utf-8", "Content-Disposition: attachment"],
    ["Content-Type:", "X-Empty:"],
    ["X-Latin-1: caf\u00e9 \u00ff\u0080"],
    [`X-Long: ${"y".repeat(20_000)}`],
    Array.from({ length: 150 }, (_, i) => `X-Many-${i}: ${i}`),
    ["Accept-Ranges: bytes", "Cache-Control: max-age=1, public", "Vary: *"],
    ["Connection: X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "X-End: 2"],
    ['Content-Type: text/html; charset="', "X-Frame-Options: DENY"],
    ["__proto__: x", "constructor: y"],
  ];
  return sets.flatMap((headers, i): Case[] => [
    { name: `response headers ${i}`, status: "200 OK", headers: [...headers, sized("ok")], body: "ok" },
    { name: `response headers ${i}, 401`, status: "401 Unauthorized", headers: [sized("no"), ...headers], body: "no" },
    {
      name: `response headers ${i}, HEAD`,
      method: "HEAD",
      status: "200 OK",
      headers: [...headers, "Content-Length: 99"],
    },
    { name: `response headers ${i}, 304`, status: "304 Not Modified", headers, send: ['If-None-Match: "x"'] },
  ]);
}

function rangeCases(): Case[] {
  const ranges = [
    "bytes=0-",
    "bytes=5-9",
    "bytes=-5",
    "bytes=0-0,5-6",
    "bytes=999999999-",
    "bytes=9-5",
    "items=0-1",
    "bytes=",
    "BYTES=1-2",
  ];
  return ranges.flatMap((range): Case[] => [
    {
      name: `Range: ${range} answered with 206`,
      target: BLOB,
      send: [`Range: ${range}`],
      status: "206 Partial Content",
      headers: ["Content-Range: bytes 5-9/300001", "Content-Length: 5"],
      body: "56789",
    },
    {
      name: `Range: ${range} answered with 416`,
      target: BLOB,
      send: [`Range: ${range}`],
      status: "416 Range Not Satisfiable",
      headers: ["Content-Range: bytes */300001", "Content-Length: 0"],
    },
    {
      name: `Range: ${range} answered with 200`,
      target: BLOB,
      send: [`Range: ${range}`],
      status: "200 OK",
      headers: [sized(LARGE)],
      body: LARGE,
    },
  ]);
}

function bodyCases(): Case[] {
  const gzip = gzipSync(LARGE);
  const chunked = Buffer.from("5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n");
  const trailers = Buffer.from("5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n");
  return [
    { name: "an empty body", status: "200 OK", headers: ["Content-Length: 0"] },
    { name: "no reason phrase", status: "200 ", headers: ["Content-Length: 0"] },
    { name: "a large body", target: BLOB, status: "200 OK", headers: [sized(LARGE)], body: LARGE },
    { name: "a large manifest", status: "200 OK", headers: [sized(LARGE)], body: LARGE },
    { name: "chunks", status: "200 OK", headers: ["Transfer-Encoding: chunked"], body: chunked },
    {
      name: "chunks of a blob",
      target: BLOB,
      status: "200 OK",
      headers: ["transfer-encoding: Chunked"],
      body: chunked,
    },
    {
      name: "chunks with trailers",
      status: "200 OK",
      headers: ["Trailer: X-Trailer", "Transfer-Encoding: chunked"],
      body: trailers,
    },
    { name: "no chunks at all", status: "200 OK", headers: ["Transfer-Encoding: chunked"], body: "0\r\n\r\n" },
    { name: "chunks of an error", status: "500 Oops", headers: ["Transfer-Encoding: chunked"], body: chunked },
    {
      name: "a body until the end",
      target: `/v2/a/blobs/sha256:${hashOf(LARGE)}`,
      status: "200 OK",
      body: LARGE,
      closeDelimited: true,
    },
    { name: "an empty body until the end", status: "200 OK", body: "", closeDelimited: true },
    { name: "a gzip body", status: "200 OK", headers: ["Content-Encoding: gzip", sized(gzip)], body: gzip },
    {
      name: "a gzip blob",
      target: BLOB,
      status: "200 OK",
      headers: ["Content-Encoding: gzip", sized(gzip)],
      body: gzip,
    },
    {
      name: "a false gzip body",
      status: "200 OK",
      headers: ["Content-Encoding: gzip", sized("no gzip")],
      body: "no gzip",
    },
    { name: "an unknown coding", status: "200 OK", headers: ["Content-Encoding: x-what", sized("what")], body: "what" },
    {
      name: "all bytes",
      target: BLOB,
      status: "200 OK",
      headers: ["Content-Length: 256"],
      body: Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    },
    { name: "204", status: "204 No Content" },
    { name: "204 with a type", status: "204 No Content", headers: ["Content-Type: text/plain"] },
    {
      name: "304",
      status: "304 Not Modified",
      headers: ['ETag: "x"', "Content-Length: 5"],
      send: ['If-None-Match: "x"'],
    },
    { name: "a redirect without Location", status: "307 Temporary Redirect", headers: ["Content-Length: 0"] },
  ];
}
