import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { MAX_MANIFEST_BYTES } from "../../src/oci/manifest.ts";
import { parseRegistryHost } from "../../src/oci/registry-host.ts";
import { decodeBody } from "../../src/proxy/manifest-body.ts";
import { forwardPushHeaders, forwardResponseHeaders, hasCleanFraming } from "../../src/proxy/headers.ts";
import type { Listener } from "../../src/proxy/listener.ts";
import { readRequestFacts } from "../../src/proxy/request-facts.ts";
import { resolveTarget, throughProxy } from "../../src/proxy/resolve-registry.ts";
import { readResponseFacts } from "../../src/proxy/response-facts.ts";
import { TokenSealer } from "../../src/proxy/sealed-token.ts";
import { repositoryIn, takeRegistry, withService } from "../../src/proxy/token-question.ts";
import { readCredentialEvidence } from "../../src/pull/credentials.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { HeaderNames } from "../../src/upstream/raw-headers.ts";

const LISTENER: Listener = { name: "l", host: "h", port: 0, allowPush: false, peerIdentity: "none" };
const LABELS = { isolation: "x-isolation", trigger: "x-trigger" };

const target: FuzzTarget = {
  name: "request-target",
  pieces: [
    "/v2/",
    "registry.test",
    ":5000",
    "/",
    "a",
    "manifests/x",
    "?",
    "&",
    "ns=",
    "n=1",
    "%2F",
    "%zz",
    "%00",
    "#",
    "..",
  ],
  check: (url) => {
    const { registry, naming, path, malformed, route } = resolveTarget(url, [], undefined);
    assert.equal(parseRegistryHost(registry) ?? "", registry);
    assert.ok(!malformed || registry === "", "what cannot be read names nobody");
    assert.doesNotMatch(path.slice(path.indexOf("?") + 1), path.includes("?") ? /(?:^|&)ns=/ : /(?!)/);
    if (naming === undefined) assert.equal(path, url, "every byte stays");
    if (route.kind === "invalid" || !path.startsWith("/")) return;
    const location = throughProxy(path, new URL("http://h"), { registry, ...(naming && { naming }) });
    if (naming !== "query" || registry === "") return;
    assert.equal(resolveTarget(location, [], undefined).registry, registry, "a Location leads back to the registry");
  },
};

const request: FuzzTarget = {
  name: "request-headers",
  pieces: [
    "bytes=",
    "0-",
    "1-2",
    "-5",
    ",",
    "99999999999999999999",
    "00-",
    "0".repeat(32),
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "-00f067aa0ba902b7",
    "-01",
    "-zz",
    "execution",
    "warmup",
    "Bearer ",
    "Basic ",
    "x",
    '"',
    "\n",
    "{}",
  ],
  check: (text) => {
    const names = ["range", "traceparent", "authorization", LABELS.isolation, LABELS.trigger, "accept", "via"];
    const facts = readRequestFacts(
      names.flatMap((name) => [name, text]),
      LISTENER,
      LABELS,
    );
    const { rangeStart = 0, traceId, traceParent, isolation, trigger } = facts;
    assert.ok(Number.isSafeInteger(rangeStart) && rangeStart >= 0);
    if (traceId !== undefined) assert.match(traceId, /^(?!0{32})[0-9a-f]{32}$/);
    if (traceParent !== undefined) assert.match(traceParent.spanId, /^(?!0{16})[0-9a-f]{16}$/);
    if (isolation !== undefined) assert.match(isolation, /^[\w.-]{1,63}$/);
    assert.ok(trigger === undefined || trigger === "execution" || trigger === "warmup");
  },
};

const response: FuzzTarget = {
  name: "response-headers",
  pieces: [
    "bytes ",
    "0-",
    "99/",
    "100",
    "*",
    "-1",
    "99999999999999999999",
    "Wed, 21 Oct 2026 07:28:00 GMT",
    "0x1",
    "1e3",
    "sha256:",
    "a".repeat(64),
    ";w=1",
    ",",
    " ",
    "+",
    "NaN",
    "Infinity",
  ],
  check: (text) => {
    const names = ["content-length", "content-range", "retry-after", "docker-content-digest", "ratelimit-limit"];
    const headers = [...names, "docker-ratelimit-source"].flatMap((name) => [name, text]);
    const facts = readResponseFacts({ status: 206, headers }, 0);
    const numbers = [facts.contentLength, facts.retryAfterSeconds, ...Object.values(facts.contentRange ?? {})];
    for (const number of numbers) assert.ok(number === undefined || (Number.isSafeInteger(number) && number >= 0));
    const source = facts.rateLimit?.source;
    if (source !== undefined) assert.match(source, /^[0-9a-f]{8}$/);
  },
};

const headers: FuzzTarget = {
  name: "headers",
  pieces: [
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "TE",
    "Host",
    "\n",
    "close",
    "chunked",
    "5",
    ", ",
    "X",
    "expect",
  ],
  check: (text) => {
    const lines = text.split("\n");
    const raw = lines.length % 2 === 0 ? lines : [...lines, ""];
    const clean = hasCleanFraming(raw);
    for (const kept of [forwardPushHeaders(raw, new HeaderNames([])), forwardResponseHeaders(raw)]) {
      assert.equal(kept.length % 2, 0);
      const names = kept.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
      assert.ok(!names.some((name) => ["connection", "transfer-encoding", "te", "upgrade"].includes(name)));
      if (clean) assert.ok(names.filter((name) => name === "content-length").length <= 1);
    }
  },
};

const authorization: FuzzTarget = {
  name: "authorization",
  pieces: [
    "Bearer ",
    "Basic ",
    "bearer",
    ".",
    "eyJhbGciOiJub25lIn0",
    "eyJzdWIiOiJ1In0",
    "eyJzdWIiOiIifQ",
    "=",
    "Og==",
    "dTpw",
    "-",
    "_",
    "bnVsbA",
    "W10",
  ],
  check: (text) => {
    const known = ["none", "anonymous_basic", "basic", "anonymous_bearer", "bearer", "opaque_bearer"];
    assert.ok(known.includes(readCredentialEvidence(text)));
  },
};

const form: FuzzTarget = {
  name: "token-form",
  pieces: [
    "scope=",
    "repository:",
    "registry.test/",
    "app",
    ":pull",
    "&",
    "+",
    "%20",
    "%zz",
    "service=",
    "x",
    "=",
    "(a)",
  ],
  check: (text) => {
    const named = takeRegistry(text);
    repositoryIn(text);
    const services = withService(text, "s")
      .split("&")
      .filter((pair) => pair.startsWith("service="));
    assert.deepEqual(services, ["service=s"]);
    if (named === undefined) return;
    assert.notEqual(named.registry, "");
    assert.equal(named.form.split("&").length, text.split("&").length);
  },
};

const sealer = new TokenSealer(() => 0);

const sealed: FuzzTarget = {
  name: "sealed-token",
  pieces: ["pullmeter.", "A".repeat(40), "-", "_", "=", "."],
  check: (text) => {
    assert.equal(sealer.open("registry.test", text), "", "nobody else can make one");
    const token = sealer.seal(text, text);
    assert.equal(sealer.open(text, token), Buffer.from(text, "utf8").toString("utf8"));
    assert.equal(sealer.open(`${text}x`, token), "", "it is good for its registry only");
  },
};

const CODINGS = ["gzip", "x-gzip", "deflate", "br", "zstd", "identity", "constructor", "gzip, gzip"];

const body: FuzzTarget = {
  name: "content-coding",
  pieces: [gzipSync("{}").toString("latin1"), "\u001f\u008b", "\u0028\u00b5\u002f\u00fd", "\u0078\u009c", "{}"],
  check: (text) => {
    const bytes = Buffer.from(text, "latin1");
    for (const coding of CODINGS) {
      const decoded = decodeBody(bytes, coding);
      assert.ok(decoded === undefined || decoded.length <= Math.max(bytes.length, MAX_MANIFEST_BYTES));
    }
    assert.deepEqual(decodeBody(gzipSync(bytes), "gzip"), bytes);
  },
};

export const PROXY_TARGETS: readonly FuzzTarget[] = [
  target,
  request,
  response,
  headers,
  authorization,
  form,
  sealed,
  body,
];
