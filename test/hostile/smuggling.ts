import { type Group, type HostileInput, type Must } from "./hostile-input.ts";

const TARGET = "/v2/REPO/manifests/x?ns=registry.test";

/** What an attacker wants another hop to take for a request. Wherever it reaches the registry, the input has got through. */
const SMUGGLED = "GET /v2/smuggled/manifests/x?ns=registry.test HTTP/1.1\r\nHost: h\r\n\r\n";

const BAD: Must = { status: 400, refused: "bad_request" };

type Row = readonly [name: string, sends: string, must?: Must];

function post(headers: readonly string[], body: string): string {
  return [`POST ${TARGET} HTTP/1.1`, "Host: h", ...headers, "", body].join("\r\n");
}

function get(headers: readonly string[], body = ""): string {
  return [`GET ${TARGET} HTTP/1.1`, "Host: h", ...headers, "", body].join("\r\n");
}

const CHUNKED = "Transfer-Encoding: chunked";

const LENGTH_AND_CHUNKS: readonly Row[] = [
  ["CL.TE", post(["Content-Length: 6", CHUNKED], `0\r\n\r\n${SMUGGLED}`)],
  ["TE.CL", post([CHUNKED, "Content-Length: 4"], `5c\r\n${SMUGGLED}\r\n0\r\n\r\n`)],
  ["CL.TE with CL 0", post(["Content-Length: 0", CHUNKED], `0\r\n\r\n${SMUGGLED}`)],
  ["TE.TE, the second unknown", post([CHUNKED, "Transfer-Encoding: x"], `0\r\n\r\n${SMUGGLED}`)],
  ["TE.TE, the first unknown", post(["Transfer-Encoding: x", CHUNKED], `0\r\n\r\n${SMUGGLED}`)],
  ["chunked twice", post([CHUNKED, CHUNKED], `0\r\n\r\n${SMUGGLED}`)],
  ["chunked, identity", post(["Transfer-Encoding: chunked, identity"], `0\r\n\r\n${SMUGGLED}`)],
  ["identity", post(["Transfer-Encoding: identity"], SMUGGLED)],
  ["identity and a length", post(["Transfer-Encoding: identity", "Content-Length: 3"], `a=b${SMUGGLED}`)],
  ["xchunked", post(["Transfer-Encoding: xchunked"], `0\r\n\r\n${SMUGGLED}`)],
  ["chunked with parameters", post(["Transfer-Encoding: chunked;q=1"], `0\r\n\r\n${SMUGGLED}`)],
  ["gzip alone", post(["Transfer-Encoding: gzip"], SMUGGLED)],
  ["nothing", post(["Transfer-Encoding:", "Content-Length: 3"], `a=b${SMUGGLED}`)],
  ["a space before the colon", post(["Transfer-Encoding : chunked"], `0\r\n\r\n${SMUGGLED}`)],
  ["a tab before the colon", post(["Transfer-Encoding\t: chunked"], `0\r\n\r\n${SMUGGLED}`)],
  ["a vertical tab before the value", post(["Transfer-Encoding:\u000bchunked"], `0\r\n\r\n${SMUGGLED}`)],
  ["a space before the name", post([" Transfer-Encoding: chunked"], `0\r\n\r\n${SMUGGLED}`)],
  ["a folded value", post(["Transfer-Encoding:\r\n chunked"], `0\r\n\r\n${SMUGGLED}`)],
  ["a folded name", post(["X: y\r\n Transfer-Encoding: chunked"], `0\r\n\r\n${SMUGGLED}`)],
  ["quotes", post(['Transfer-Encoding: "chunked"'], `0\r\n\r\n${SMUGGLED}`)],
  ["NUL behind", post(["Transfer-Encoding: chunked\u0000"], `0\r\n\r\n${SMUGGLED}`)],
  ["a long s", post(["Tran\u017ffer-Encoding: chunked".replace("\u017f", "\u00c5\u00bf")], `0\r\n\r\n${SMUGGLED}`)],
  ["chunks of GET", get([CHUNKED], "0\r\n\r\n")],
  ["chunks of HTTP/1.0", get([CHUNKED], "0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0")],
];

const LENGTHS: readonly Row[] = [
  ["two that differ", post(["Content-Length: 3", "Content-Length: 80"], `a=b${SMUGGLED}`)],
  ["two that are equal", post(["Content-Length: 3", "Content-Length: 3"], "a=b")],
  ["two in capitals and not", post(["Content-Length: 3", "CONTENT-LENGTH: 80"], `a=b${SMUGGLED}`)],
  ["a list", post(["Content-Length: 3, 3"], "a=b")],
  ["a sign", post(["Content-Length: +3"], "a=b")],
  ["a negative one", post(["Content-Length: -1"], "a=b")],
  ["hexadecimal", post(["Content-Length: 0x3"], "a=b")],
  ["a fraction", post(["Content-Length: 3.0"], "a=b")],
  ["an exponent", post(["Content-Length: 3e0"], "a=b")],
  ["a space inside", post(["Content-Length: 1 0"], "a=b")],
  ["nothing", post(["Content-Length:"], `a=b${SMUGGLED}`)],
  ["letters", post(["Content-Length: three"], "a=b")],
  ["30 digits", post([`Content-Length: ${"9".repeat(30)}`], "a=b")],
  ["2^64", post(["Content-Length: 18446744073709551616"], "a=b")],
  ["2^64 + 3, which may wrap", post(["Content-Length: 18446744073709551619"], `a=b${SMUGGLED}`)],
  ["full-width digits", post(["Content-Length: \u00ef\u00bc\u0093"], "a=b")],
  ["a body of GET", get([`Content-Length: ${SMUGGLED.length}`], SMUGGLED)],
  ["a space before the colon", post(["Content-Length : 3"], `a=b${SMUGGLED}`)],
  ["a folded one", post(["Content-Length:\r\n 3"], `a=b${SMUGGLED}`)],
];

const LINES: readonly Row[] = [
  ["bare LF everywhere", get([]).replaceAll("\r\n", "\n")],
  ["bare LF behind the first line", `GET ${TARGET} HTTP/1.1\nHost: h\r\n\r\n`],
  ["bare LF behind a header", `GET ${TARGET} HTTP/1.1\r\nHost: h\nX: y\r\n\r\n`],
  ["bare LF at the end of the head", `GET ${TARGET} HTTP/1.1\r\nHost: h\r\n\n`],
  ["bare CR behind the first line", `GET ${TARGET} HTTP/1.1\rHost: h\r\n\r\n`],
  ["bare CR in a header", get(["X: a\rTransfer-Encoding: chunked"])],
  ["CR CR LF", get(["X: a\r"])],
  ["NUL in a header", get(["X: a\u0000b"])],
  ["NUL in a name", get(["X\u0000: a"])],
  ["a control character in a header", get(["X: a\u0001b"])],
  ["DEL in a header", get(["X: a\u007fb"])],
  ["a name with a space", get(["X Y: a"])],
  ["a name in brackets", get(["(X): a"])],
  ["a name beyond ASCII", get(["\u00c3\u0084: a"])],
  ["a header without name", get([": a"])],
  ["a header without colon", get(["X"])],
  ["a folded header", get(["X: a", " b"])],
  ["a folded first header", `GET ${TARGET} HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n`],
  ["no version", `GET ${TARGET}\r\n\r\n`],
  ["HTTP/0.9", `GET ${TARGET} HTTP/0.9\r\nHost: h\r\n\r\n`],
  ["HTTP/1.2", `GET ${TARGET} HTTP/1.2\r\nHost: h\r\n\r\n`],
  ["HTTP/2.0", `GET ${TARGET} HTTP/2.0\r\nHost: h\r\n\r\n`],
  ["HTTP/11", `GET ${TARGET} HTTP/11\r\nHost: h\r\n\r\n`],
  ["HTTP/1.1 in small letters", `GET ${TARGET} http/1.1\r\nHost: h\r\n\r\n`],
  ["another protocol", `GET ${TARGET} SIP/2.0\r\nHost: h\r\n\r\n`],
  ["a tab for a space", `GET\t${TARGET} HTTP/1.1\r\nHost: h\r\n\r\n`],
  ["a space in the target", "GET /v2/REPO/manifests/x y?ns=registry.test HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["CR in the target", "GET /v2/REPO/\rmanifests/x HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["NUL in the target", "GET /v2/REPO/\u0000/manifests/x HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["HTTP/2 from the beginning", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["no HTTP at all", "hello\r\n\r\n"],
  ["SMTP", "EHLO h\r\n\r\n"],
  [
    "TLS",
    "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003",
    { status: 400, refused: "tls_on_plain_port" },
  ],
  ["a PROXY protocol line", `PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n${get([])}`],
];

const CHUNKS: readonly Row[] = [
  ["an extension that ends in a bare LF", "5;x\nhello\r\n0\r\n\r\n"],
  ["an extension with CR", "5;x\ry\r\nhello\r\n0\r\n\r\n"],
  ["an unclosed quote", '5;x="\r\nhello\r\n0\r\n\r\n'],
  ["an extension of 20,000 characters", `5;${"x".repeat(20_000)}\r\nhello\r\n0\r\n\r\n`],
  ["bare LF behind the size", "5\nhello\r\n0\r\n\r\n"],
  ["bare CR behind the size", "5\rhello\r\n0\r\n\r\n"],
  ["a size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a negative size", "-5\r\nhello\r\n0\r\n\r\n"],
  ["a space before the size", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a size of 17 digits", "10000000000000005\r\nhello\r\n0\r\n\r\n"],
  ["an empty size", "\r\nhello\r\n0\r\n\r\n"],
  ["a size that is no number", "g\r\nhello\r\n0\r\n\r\n"],
  ["bare LF behind the data", "5\r\nhello\n0\r\n\r\n"],
  ["data longer than its size", "4\r\nhello\r\n0\r\n\r\n"],
].map(([name, body]): Row => [name!, post([CHUNKED], body!)]);

const HOSTS: readonly Row[] = [
  ["none", `GET ${TARGET} HTTP/1.1\r\n\r\n`],
  ["two that are equal", get(["Host: h"])],
  ["two that differ", get(["Host: 127.0.0.1:CANARY"])],
  ["two in capitals and not", get(["HOST: 127.0.0.1:CANARY"])],
  ["a hundred", get(Array.from({ length: 100 }, (_, i) => `Host: h${i}`))],
];

function inputs(rows: readonly Row[], to?: HostileInput["to"]): HostileInput[] {
  return rows.map(([name, sends, must = BAD]) => ({ name, sends, must, ...(to && { to }) }));
}

const OVERFLOW: Must = { status: 431, refused: "head_too_large" };

const BOMBS: readonly HostileInput[] = [
  { name: "one header of 70,000 characters", sends: get([`X: ${"x".repeat(70_000)}`]), must: OVERFLOW },
  { name: "a name of 70,000 characters", sends: get([`${"x".repeat(70_000)}: y`]), must: OVERFLOW },
  {
    name: "20,000 headers",
    sends: get(Array.from({ length: 20_000 }, (_, i) => `X-${i}: y`)),
    must: OVERFLOW,
  },
  {
    name: "a target of 70,000 characters",
    sends: `GET /${"x".repeat(70_000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    must: OVERFLOW,
  },
  {
    name: "60,000 parameters, each the registry",
    sends: `GET /v2/a/manifests/x?${"ns=a&".repeat(12_000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    must: { status: 403, refused: "unknown_registry" },
  },
  {
    name: "a head that never ends",
    sends: `GET ${TARGET} HTTP/1.1\r\nHost: h\r\n`,
    must: { status: 408, refused: "head_timeout" },
  },
  {
    name: "8,000 headers that fit",
    sends: get(Array.from({ length: 8_000 }, () => "X: y")),
    upstream: { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
    must: { status: 200, body: "ok" },
  },
  {
    name: "a Connection that names 5,000 headers",
    sends: get([`Connection: ${"x,".repeat(5_000)}`]),
    upstream: { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
    must: { status: 200, body: "ok" },
  },
  {
    name: "an Accept of 50,000 characters",
    sends: get([`Accept: ${"a/b;q=0.1,".repeat(5_000)}`]),
    upstream: { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
    must: { status: 200, body: "ok" },
  },
];

const OK = { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" };

/** What an intermediary forwards without harm: it must neither be refused nor be read in another way. */
const HARMLESS: readonly HostileInput[] = [
  {
    name: "Upgrade to HTTP/2",
    sends: get(["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]),
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
  {
    name: "Upgrade to a web socket",
    sends: get(["Connection: Upgrade", "Upgrade: websocket"]),
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
  {
    name: "Connection that names Host",
    sends: get(["Connection: host"]),
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
  {
    name: "Trailer (node-http-proxy#1647)",
    sends: get(["Trailer: x"]),
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
  {
    name: "Trailer of a listing",
    sends: get(["Trailer: x"]).replace("manifests/x", "tags/list"),
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
  { name: "TE", sends: get(["TE: trailers, chunked"]), upstream: OK, must: { status: 200, body: "ok" } },
  {
    name: "Proxy-Authorization",
    sends: get(["Proxy-Authorization: Basic czNjcjN0LXByb3h5LWF1dGg6eA=="]),
    upstream: OK,
    must: { status: 200, body: "ok", hides: "s3cr3t-proxy-auth" },
  },
  {
    name: "X-Forwarded-Host of the canary",
    sends: get(["X-Forwarded-Host: 127.0.0.1:CANARY", "X-Original-URL: http://127.0.0.1:CANARY/"]),
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
  {
    name: "an empty line before the request",
    sends: `\r\n${get([])}`,
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
  {
    name: "Expect of something unknown",
    sends: get(["Expect: 200-maybe"]),
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
  {
    name: "RTSP/1.0, which the parser takes for HTTP/1.0",
    sends: `GET ${TARGET} RTSP/1.0\r\nHost: h\r\n\r\n`,
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
  {
    name: "two spaces before the target",
    sends: `GET  ${TARGET} HTTP/1.1\r\nHost: h\r\n\r\n`,
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
  {
    name: "an underscore for a hyphen",
    to: "push",
    sends: post(["Transfer_Encoding: chunked"], ""),
    upstream: OK,
    must: { status: 200, body: "ok" },
  },
];

export const SMUGGLING: readonly Group[] = [
  {
    title: "Request smuggling: length and chunks",
    about: "A message that says in two ways where it ends is two messages to somebody (RFC 9112 §6.1, CVE-2026-1525).",
    inputs: inputs(LENGTH_AND_CHUNKS, "push"),
  },
  { title: "Request smuggling: lengths", about: "RFC 9112 §6.3.", inputs: inputs(LENGTHS, "push") },
  { title: "Request smuggling: lines", about: "RFC 9112 §2.2 and §5.", inputs: inputs(LINES) },
  { title: "Request smuggling: chunks", about: "RFC 9112 §7.1.", inputs: inputs(CHUNKS, "push") },
  { title: "Host", about: "RFC 9112 §3.2.", inputs: inputs(HOSTS) },
  { title: "Header bombs", about: "Heads are bounded; so is the time that they take.", inputs: BOMBS },
  { title: "Headers for the next hop", about: "They end here, and nothing else changes.", inputs: HARMLESS },
];
