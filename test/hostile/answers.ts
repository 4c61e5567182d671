import { gzipSync } from "node:zlib";
import {
  answer,
  ASK,
  ASK_BLOB,
  ASK_TAGS,
  type Group,
  type HostileInput,
  type Must,
  type UpstreamAnswer,
} from "./hostile-input.ts";

/** A second response in the first: whoever asks next on the connection would be given it. */
const POISON = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

const BAD: Must = { status: 502 };

type Row = readonly [name: string, upstream: UpstreamAnswer, must?: Must, mustListing?: Must];

const BOTH = ["Content-Length: 2", "Transfer-Encoding: chunked"];

const FRAMING: readonly Row[] = [
  ["length and chunks", answer(["HTTP/1.1 200 OK", ...BOTH], `0\r\n\r\n${POISON}`)],
  ["chunks and length", answer(["HTTP/1.1 200 OK", ...BOTH.toReversed()], `0\r\n\r\n${POISON}`)],
  ["two lengths that differ", answer(["HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 50"], `ok${POISON}`)],
  ["two lengths that are equal", answer(["HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 2"], "ok")],
  ["a list of lengths", answer(["HTTP/1.1 200 OK", "Content-Length: 2, 50"], `ok${POISON}`)],
  ["a negative length", answer(["HTTP/1.1 200 OK", "Content-Length: -2"], "ok")],
  ["a length with a sign", answer(["HTTP/1.1 200 OK", "Content-Length: +2"], "ok")],
  ["a length in hexadecimal", answer(["HTTP/1.1 200 OK", "Content-Length: 0x2"], "ok")],
  ["a length of 30 digits", answer(["HTTP/1.1 200 OK", `Content-Length: ${"9".repeat(30)}`], "ok")],
  [
    "chunked twice",
    answer(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], `0\r\n\r\n${POISON}`),
  ],
  ["a space before the colon", answer(["HTTP/1.1 200 OK", "Content-Length : 2"], `ok${POISON}`)],
  ["a folded header", answer(["HTTP/1.1 200 OK", "X: a", " b", "Content-Length: 2"], "ok")],
  ["NUL in a header", answer(["HTTP/1.1 200 OK", "X: a\u0000b", "Content-Length: 2"], "ok")],
  ["bare CR in a header", answer(["HTTP/1.1 200 OK", "X: a\rContent-Length: 50", "Content-Length: 2"], "ok")],
  ["a name with a space", answer(["HTTP/1.1 200 OK", "X Y: a", "Content-Length: 2"], "ok")],
  ["bare LF everywhere", { bytes: "HTTP/1.1 200 OK\nContent-Length: 2\n\nok" }],
  ["no HTTP", { bytes: "hello\r\n\r\n" }],
  ["HTTP/2", { bytes: "\u0000\u0000\u0012\u0004\u0000\u0000\u0000\u0000\u0000", closes: true }],
  ["TLS", { bytes: "\u0015\u0003\u0003\u0000\u0002\u0002\u0028", closes: true }],
  ["a request", { bytes: "GET / HTTP/1.1\r\nHost: h\r\n\r\n" }],
  ["an impossible status", answer(["HTTP/1.1 99 No", "Content-Length: 2"], "ok")],
  ["a status of four digits", answer(["HTTP/1.1 2000 OK", "Content-Length: 2"], "ok")],
  ["a head of 100,000 bytes", answer(["HTTP/1.1 200 OK", `X: ${"x".repeat(100_000)}`, "Content-Length: 2"], "ok")],
  ["20,000 headers", answer(["HTTP/1.1 200 OK", ...Array.from({ length: 20_000 }, (_, i) => `X-${i}: y`)])],
  [
    "a switch of protocols that nobody asked for",
    answer(["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: x"], POISON),
  ],
  ["nothing", { bytes: "", closes: true }],
  ["half a head", { bytes: "HTTP/1.1 200 OK\r\nContent-Le", closes: true }],
];

const CUT: Must = { status: "cut" };

/** The head is good. Where the client has it already, the body is cut, and never ends as if it were whole. */
const BODIES: readonly Row[] = [
  ["a short body", { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", closes: true }],
  ["a chunk without end", { bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", closes: true }],
  [
    "chunks without end",
    { bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", closes: true },
  ],
  [
    "a chunk's size that is no number",
    answer(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], "zz\r\nhello\r\n0\r\n\r\n"),
  ],
  [
    "a length in the trailers",
    answer(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], "2\r\nok\r\n0\r\nContent-Length: 50\r\n\r\n"),
  ],
  [
    "a chunk longer than its size",
    answer(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], "2\r\nhello\r\n0\r\n\r\n"),
  ],
];

const WHOLE: readonly Row[] = [
  [
    "more than the length, a whole response",
    answer(["HTTP/1.1 200 OK", "Content-Length: 2"], `ok${POISON}`),
    { status: 200, body: "ok" },
  ],
  ["a body of 204", answer(["HTTP/1.1 204 No Content", "Content-Length: 6"], POISON), { status: 204, body: "" }],
  ["a body of 304", answer(["HTTP/1.1 304 Not Modified"], POISON), { status: 304, body: "" }],
  [
    "trailers",
    answer(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], "2\r\nok\r\n0\r\nX: y\r\n\r\n"),
    { status: 200, body: "ok", lacks: ["x"] },
  ],
  [
    "Connection that names Content-Length",
    answer(["HTTP/1.1 200 OK", "Connection: content-length", "Content-Length: 2"], "ok"),
    { status: 200, body: "ok" },
  ],
  [
    "Upgrade",
    answer(["HTTP/1.1 200 OK", "Connection: upgrade", "Upgrade: h2c", "Content-Length: 2"], "ok"),
    { status: 200, body: "ok", lacks: ["upgrade"] },
  ],
];

function both(rows: readonly Row[], fallback: Must): HostileInput[] {
  return rows.flatMap(([name, upstream, must = fallback, mustListing = must]) => [
    { name, sends: ASK, upstream, must },
    { name: `${name}, of a listing`, sends: ASK_TAGS, upstream, must: mustListing },
  ]);
}

function manifest(body: string | Buffer, ...headers: readonly string[]): UpstreamAnswer {
  const bytes = Buffer.from(body);
  const lines = [
    "HTTP/1.1 200 OK",
    "Content-Type: application/vnd.oci.image.manifest.v1+json",
    ...headers,
    `Content-Length: ${bytes.length}`,
  ];
  return { bytes: Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), bytes]) };
}

const digestOf = (i: number): string => `sha256:${i.toString(16).padStart(64, "0")}`;
const layer = (i: number, size: unknown = 1): object => ({ mediaType: "application/x", digest: digestOf(i), size });
const image = (layers: readonly object[], more: object = {}): string =>
  JSON.stringify({ schemaVersion: 2, config: layer(0), layers, ...more });

const BOMBS: readonly (readonly [name: string, body: string | Buffer, header?: string])[] = [
  ["100,000 brackets deep", "[".repeat(100_000)],
  ["100,000 objects deep", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`],
  ["layers 50,000 deep", `{"config":{},"layers":${"[".repeat(50_000)}${"]".repeat(50_000)}}`],
  ["20,000 layers", image(Array.from({ length: 20_000 }, (_, i) => layer(i)))],
  ["the same layer 20,000 times", image(Array.from({ length: 20_000 }, () => layer(1)))],
  ["20,000 platforms", JSON.stringify({ manifests: Array.from({ length: 20_000 }, (_, i) => layer(i)) })],
  ["5 MiB of spaces", " ".repeat(5 * 1024 * 1024)],
  ["100 MiB in 100 KiB of gzip", gzipSync(Buffer.alloc(100 * 1024 * 1024)), "Content-Encoding: gzip"],
  ["gzip in gzip", gzipSync(gzipSync(Buffer.alloc(1024 * 1024))), "Content-Encoding: gzip, gzip"],
  ["no gzip at all", "plain", "Content-Encoding: gzip"],
  ["a coding that nobody knows", image([]), "Content-Encoding: constructor"],
  ["__proto__ as an object", '{"__proto__":{"polluted":true},"config":{"__proto__":{"size":1}},"layers":[]}'],
  ["__proto__ as layers", `{"__proto__":{"layers":[]},"config":${JSON.stringify(layer(0))}}`],
  ["constructor.prototype", '{"constructor":{"prototype":{"polluted":true}},"manifests":[]}'],
  ["keys twice", `{"config":${JSON.stringify(layer(0))},"layers":[],"layers":[{"digest":"x"}]}`],
  ["manifests and layers both", image([layer(1)], { manifests: [layer(2)] })],
  ["sizes that are negative", image([layer(1, -1)])],
  ["sizes beyond numbers", `{"config":{"mediaType":"a","digest":"${digestOf(0)}","size":1e999},"layers":[]}`],
  ["sizes that are text", image([layer(1, "1")])],
  ["sizes that are not whole", image([layer(1, 1.5)])],
  ["sizes of 2^53", image([layer(1, 2 ** 53)])],
  [
    "digests that are paths",
    JSON.stringify({ config: layer(0), layers: [{ mediaType: "a", digest: "../../x", size: 1 }] }),
  ],
  ["foreign layers of the canary", image([{ ...layer(1), urls: ["http://127.0.0.1:CANARY/"] }])],
  ["a subject of itself", image([layer(1)], { subject: layer(1) })],
  ["null", "null"],
  ["a number", "1e400"],
  ["a lone surrogate", '{"mediaType":"\\ud800","config":{},"layers":[]}'],
  ["NUL bytes", Buffer.alloc(1_000)],
  ["invalid UTF-8", Buffer.from([0xff, 0xfe, 0x7b, 0x7d])],
  ["a byte order mark", `\ufeff${image([layer(1)])}`],
  ["markup in a media type", image([{ ...layer(1), mediaType: "<script>alert(1)</script>" }])],
];

const bombs: readonly HostileInput[] = BOMBS.map(([name, body, header]) => ({
  name,
  sends: ASK,
  upstream: manifest(body, ...(header === undefined ? [] : [header])),
  must: { status: 200, body: Buffer.from(body) },
}));

const FACTS: readonly (readonly [name: string, header: string])[] = [
  ["Docker-Content-Digest that is none", "Docker-Content-Digest: sha256:../../etc/passwd"],
  ["Retry-After without end", `Retry-After: ${"9".repeat(1_000)}`],
  ["Retry-After that is negative", "Retry-After: -1"],
  ["RateLimit of 5,000 members", `RateLimit: ${'"a";r=1,'.repeat(5_000)}`],
  ["RateLimit of quotes", `RateLimit: ${'"'.repeat(1_000)}`],
  ["RateLimit that pollutes", "RateLimit: __proto__=1, constructor=2"],
  ["Content-Range beyond numbers", "Content-Range: bytes 0-99999999999999999999/*"],
  ["Content-Type of 50,000 characters", `Content-Type: ${"a/".repeat(25_000)}`],
  ["OCI-Subject of the canary", "OCI-Subject: http://127.0.0.1:CANARY/"],
  ["Warning with markup", 'Warning: 299 - "<script>alert(1)</script>"'],
];

const facts: readonly HostileInput[] = FACTS.map(([name, header]) => ({
  name,
  sends: ASK,
  upstream: answer(["HTTP/1.1 200 OK", header, "Content-Length: 2"], "ok"),
  must: { status: 200, body: "ok" },
}));

/** A manifest is kept until it is whole: its client is told. */
const brokenOff: readonly HostileInput[] = BODIES.flatMap(([name, upstream]) => [
  { name, sends: ASK, upstream, must: { status: 502 } },
  { name: `${name}, of a blob`, sends: ASK_BLOB, upstream, must: CUT },
  { name: `${name}, of a listing`, sends: ASK_TAGS, upstream, must: CUT },
]);

export const ANSWERS: readonly Group[] = [
  {
    title: "Response heads",
    about:
      "Through both parsers: that of pulls, and that of everything else. The connection must be good for nobody else.",
    inputs: both(FRAMING, BAD),
  },
  { title: "Response bodies that break off", about: "A short body never ends cleanly.", inputs: brokenOff },
  {
    title: "Response bodies with something behind",
    about: "What is behind belongs to nobody.",
    inputs: both(WHOLE, BAD),
  },
  {
    title: "Manifests as bombs",
    about: "The bytes pass, to the client and unread where they are too many; what is read of them is bounded.",
    inputs: bombs,
  },
  {
    title: "Headers that are read",
    about: "The proxy takes facts from them, and the client gets them as they are.",
    inputs: facts,
  },
];
