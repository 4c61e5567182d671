import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toEvents } from "../../src/cli/recording.ts";
import { parseLine, RecordingError } from "../../src/cli/recording-line.ts";
import { formatAddress, parseAddress } from "../../src/config/address.ts";
import { formatDuration, parseDuration } from "../../src/config/duration.ts";
import { readHeadersFile } from "../../src/config/headers-file.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { parseRegistryPattern } from "../../src/config/registry-pattern.ts";
import { chooseOffer } from "../../src/exposition/accept.ts";
import { registryLabel } from "../../src/label/registry-label.ts";
import { redactText } from "../../src/log/redact.ts";
import { checkHost } from "../../src/upstream/guard.ts";
import { nextHop, type Hop } from "../../src/upstream/redirect.ts";
import { acceptRealm } from "../../src/upstream/token-realm.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const URL_PIECES = [
  "http:",
  "https:",
  "HTTP:",
  "//",
  "/",
  "\\",
  "@",
  ":",
  "?",
  "#",
  "registry.test",
  "cdn.test",
  "127.0.0.1",
  "[::1]",
  "2130706433",
  "0x7f.1",
  "localhost",
  "user",
  "%2e",
  "..",
  "\t",
  " ",
  "x",
  ":443",
  "ftp:",
  "javascript:",
];

const FROM: Hop = { origin: new URL("https://registry.test"), path: "/v2/a/blobs/x" };

const location: FuzzTarget = {
  name: "location",
  pieces: URL_PIECES,
  check: (text) => {
    let hop;
    try {
      hop = nextHop(FROM, text);
    } catch (error) {
      assert.ok(error instanceof UpstreamError);
      assert.ok(error.failure === "proxy" || error.failure === "refused");
      return;
    }
    assert.equal(hop.origin.protocol, "https:", "never from https to plain http");
    assert.equal(hop.origin.username + hop.origin.password, "");
    assert.ok(hop.path.startsWith("/") && !hop.path.includes("#"));
    const base = `${FROM.origin.origin}${FROM.path}`;
    const asBrowsers = URL.canParse(text, base) ? new URL(text, base).origin : undefined;
    assert.ok([FROM.origin.origin, asBrowsers].includes(hop.origin.origin), "nowhere that another parser does not see");
  },
};

const UPSTREAM = {
  registry: "registry.test",
  origin: new URL("https://registry.test"),
  redirects: "follow",
  allowPrivateAddresses: false,
} as const;

const realm: FuzzTarget = {
  name: "realm",
  pieces: URL_PIECES,
  check: (text) => {
    const accepted = acceptRealm(UPSTREAM, text, (host) => host.split(".").slice(-2).join("."));
    if (accepted === undefined) return;
    assert.equal(accepted.protocol, "https:");
    assert.ok(accepted.hostname === "registry.test" || accepted.hostname.endsWith(".registry.test"));
  },
};

/** Written without the guard's own list. */
const PRIVATE_IPV4 =
  /^(?:0|10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])|2(?:2[4-9]|[345]\d))\./;

const host: FuzzTarget = {
  name: "guarded-host",
  pieces: [
    "127",
    "10",
    "0x7f",
    "0177",
    "2130706433",
    ".",
    "1",
    "0",
    "255",
    "[",
    "]",
    "::",
    "ffff",
    ":",
    "fe80",
    "64:ff9b::",
    "localhost",
    "%",
  ],
  check: (text) => {
    if (!URL.canParse(`https://${text}/`)) return;
    const { hostname } = new URL(`https://${text}/`);
    if (checkHost(hostname, false) !== undefined) return;
    if (isIP(hostname) === 4) assert.doesNotMatch(hostname, PRIVATE_IPV4);
    assert.doesNotMatch(hostname, /(?:^|\.)localhost\.?$/);
    if (isIP(hostname.slice(1, -1)) === 6) assert.match(hostname, /^\[(?:[23]|::ffff:|64:ff9b::)/);
  },
};

const pattern: FuzzTarget = {
  name: "registry-pattern",
  pieces: ["*", ".", "registry", "test", ":5000", ":*", "-", "A", "[", "]", "(", "+"],
  check: (text) => {
    const matches = parseRegistryPattern(text);
    if (matches === undefined || text.includes("*")) return;
    assert.equal(matches(text), true);
    assert.equal(matches(`${text}x`), false);
  },
};

const address: FuzzTarget = {
  name: "address",
  pieces: ["127.0.0.1", "[", "]", "::", "1", ":", "0", "65535", "65536", "localhost", ".", "-", "%lo"],
  check: (text) => {
    const read = parseAddress(text);
    if (read === undefined) return;
    assert.ok(Number.isInteger(read.port) && read.port >= 0 && read.port <= 65_535);
    assert.deepEqual(parseAddress(formatAddress(read)), read);
  },
};

const duration: FuzzTarget = {
  name: "duration",
  pieces: ["1", "0", ".", "5", "ms", "s", "m", "h", "-", "e9", "999999999"],
  check: (text) => {
    const read = parseDuration(text);
    if (read === undefined) return;
    assert.ok(Number.isSafeInteger(read) && read >= 0);
    assert.equal(parseDuration(formatDuration(read)), read);
  },
};

const OFFERS = [
  { type: "text/plain", parameters: { version: "0.0.4" } },
  { type: "application/openmetrics-text", parameters: { version: "1.0.0" } },
] as const;

const accept: FuzzTarget = {
  name: "accept",
  pieces: [
    "text/plain",
    "*/*",
    ";q=",
    "0.5",
    "1",
    ";version=",
    '"',
    ",",
    "\\",
    "application/openmetrics-text",
    " ",
    "=",
    "/",
  ],
  check: (text) =>
    assert.ok((OFFERS as readonly object[]).includes(chooseOffer<(typeof OFFERS)[number]>(text, OFFERS))),
};

const label: FuzzTarget = {
  name: "registry-label",
  pieces: [
    "registry",
    ".",
    "co.uk",
    "com",
    "127.0.0.1",
    "[::1]",
    ":5000",
    "xn--",
    "-",
    "amazonaws.com",
    "\u0000",
    "local",
  ],
  check: (text) => assert.match(registryLabel(text), /^(?:\[[A-Z_]+\]|[!-~]{1,255})$/),
};

const redaction: FuzzTarget = {
  name: "redaction",
  pieces: [
    "Authorization: ",
    "Bearer ",
    "https://",
    "user:",
    "@",
    "?sig=",
    "&",
    "password=",
    "eyJ",
    ".",
    "ghp_",
    '"',
    "\n",
    "sha256:",
  ],
  check: (text) => {
    assert.ok(redactText(text).length <= 4097);
    const secret = "s3cr3t0123456789";
    for (const line of [
      `https://u:${secret}@h`,
      `Authorization: Basic ${secret}`,
      `https://h/?X-Amz-Signature=${secret}`,
    ]) {
      assert.ok(!redactText(`${text.slice(0, 1_000)}\n${line}`).includes(secret), line);
    }
  },
};

const recording: FuzzTarget = {
  name: "recording",
  pieces: [
    '{"via":"mirror"',
    ',"seq":1',
    ',"conn":1',
    ',"t":1',
    ',"method":"GET"',
    ',"url":"/v2/"',
    ',"reqHeaders":{',
    ',"respHeaders":{',
    "}",
    '"a":"b"',
    ',"connOpen":1',
    ',"status":200',
    "null",
    '"__proto__":',
  ],
  check: (text) => {
    try {
      const line = parseLine(text, "file:1");
      if (line.kind === "request") toEvents([line.request]);
      if (line.kind === "connection") toEvents([], [line.connection]);
    } catch (error) {
      assert.ok(error instanceof RecordingError, String(error));
      assert.match(error.message, /^file:1: /);
    }
  },
};

const folder = mkdtempSync(join(tmpdir(), "pullmeter-fuzz-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

const config: FuzzTarget = {
  name: "config",
  runs: 40,
  pieces: [
    "listeners:\n",
    "  - address: ",
    "127.0.0.1:1",
    "registries:\n",
    "  a.test:\n",
    "    upstream: ",
    "http://h",
    "\n",
    "&a",
    "*a",
    "<<: ",
    "- ",
    "{",
    "}",
    "!!js/function",
    "__proto__: ",
    "---\n",
    "isolation: ",
  ],
  check: (text) => {
    const file = join(folder, "pullmeter.yaml");
    writeFileSync(file, text);
    const known = Object.getOwnPropertyNames(Object.prototype).length;
    try {
      loadConfig({ file, flags: new Map(), environment: {} });
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error));
      for (const problem of error.problems) assert.match(problem, /pullmeter\.yaml:\d+: /);
    }
    assert.equal(Object.getOwnPropertyNames(Object.prototype).length, known);
  },
};

const headersFile: FuzzTarget = {
  name: "headers-file",
  pieces: ["X-Api-Key", ":", " ", "value", "\n", "\r\n", "\r", "#", "\u0000", "\u00e4", "\t"],
  check: (text) => {
    const file = join(folder, "headers");
    writeFileSync(file, text);
    const read = readHeadersFile(file, undefined);
    if ("mistake" in read) return;
    assert.equal(read.headers.length % 2, 0);
    for (const part of read.headers) assert.match(part, /^[\t -~]+$/);
  },
};

export const EDGE_TARGETS: readonly FuzzTarget[] = [
  location,
  realm,
  host,
  pattern,
  address,
  duration,
  accept,
  label,
  redaction,
  recording,
  config,
  headersFile,
];
