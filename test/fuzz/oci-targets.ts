import assert from "node:assert/strict";
import { parseChallenge } from "../../src/oci/challenge.ts";
import { isDigest } from "../../src/oci/digest.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import { readRateLimit } from "../../src/oci/rate-limit.ts";
import { isRepositoryName, isTag } from "../../src/oci/reference.ts";
import { parseRegistryHost, splitPort } from "../../src/oci/registry-host.ts";
import { rewriteBearerChallenges } from "../../src/oci/rewrite-challenge.ts";
import { parseRoute } from "../../src/oci/route.ts";
import { prefixScopes, splitScope } from "../../src/oci/token-scope.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const HEX = "0123456789abcdef".repeat(4);
const HOSTS = [
  "registry.test",
  "127.0.0.1",
  "[::1]",
  "localhost",
  "xn--a",
  ":5000",
  ":0",
  ":99999",
  "@",
  "..",
  "-",
  "_",
];

const route: FuzzTarget = {
  name: "route",
  pieces: [
    "/v2/",
    "/manifests/",
    "/blobs/",
    "/blobs/uploads/",
    "/tags/list",
    "/referrers/",
    "/_catalog",
    "a",
    "A",
    "..",
    ".",
    "%2e",
    "%2F",
    "%25",
    "%00",
    "%zz",
    "\\",
    ";",
    "//",
    `sha256:${HEX}`,
    "latest",
    "?",
    "#",
  ],
  check: (path) => {
    const parsed = parseRoute(path);
    if (parsed.kind === "invalid") return;
    const decoded = decodeURIComponent(path);
    assert.equal(decodeURIComponent(decoded), decoded, "decoding once more changes nothing");
    assert.equal(new URL(decoded, "http://h").pathname, decoded, "nor does normalising");
    if ("repository" in parsed) assert.ok(isRepositoryName(parsed.repository));
    if (parsed.kind === "manifest") assert.ok(isTag(parsed.reference) || isDigest(parsed.reference));
    if (parsed.kind === "blob") assert.ok(isDigest(parsed.digest));
  },
};

const registryHost: FuzzTarget = {
  name: "registry-host",
  pieces: HOSTS,
  check: (text) => {
    const host = parseRegistryHost(text);
    if (host === undefined) return;
    assert.equal(parseRegistryHost(host), host, "what was read is read the same");
    assert.match(host, /^[a-z0-9.:[\]-]{1,255}$/);
    const { name, port } = splitPort(host);
    assert.equal(port === undefined ? name : `${name}:${port}`, host);
    if (!URL.canParse(`https://${host}`)) return;
    const { username, password, pathname, search, hash } = new URL(`https://${host}`);
    assert.deepEqual([username, password, pathname, search, hash], ["", "", "/", "", ""]);
  },
};

const reference: FuzzTarget = {
  name: "reference",
  pieces: ["a", "b1", "/", ".", "_", "__", "-", "--", "..", ":", "@", "A", "%2f", "\n"],
  check: (text) => {
    if (isRepositoryName(text)) assert.match(text, /^(?!.*\.\.)(?!.*\/\/)[a-z0-9._/-]{1,255}$/);
    if (isTag(text)) assert.match(text, /^[\w.-]{1,128}$/);
    assert.ok(!isTag(text) || !isDigest(text), "a tag is no digest");
  },
};

const digest: FuzzTarget = {
  name: "digest",
  pieces: ["sha256:", "sha512:", HEX, "a", "A", "g", ":", "\n", "\u0000"],
  check: (text) => {
    if (!isDigest(text)) return;
    const [algorithm = "", encoded = "", ...rest] = text.split(":");
    assert.deepEqual(rest, []);
    assert.equal(encoded.length, { sha256: 64, sha512: 128 }[algorithm]);
    assert.equal(Buffer.from(encoded, "hex").toString("hex"), encoded);
  },
};

const manifest: FuzzTarget = {
  name: "manifest",
  pieces: [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"__proto__":',
    '"constructor":',
    '"config":',
    '"layers":',
    '"manifests":',
    '"mediaType":"a"',
    `"digest":"sha256:${HEX}"`,
    '"size":1',
    '"size":-1',
    '"size":1e999',
    "null",
    "{}",
    "[]",
    '"mediaType":"application/vnd.oci.image.index.v1+json"',
  ],
  check: (text) => {
    const known = Object.getOwnPropertyNames(Object.prototype).length;
    const content = parseManifest(text);
    assert.equal(Object.getOwnPropertyNames(Object.prototype).length, known, "no prototype was changed");
    if (content === undefined) return;
    assert.equal(Object.getPrototypeOf(content), Object.prototype);
    const listed = content.kind === "index" ? content.manifests : [content.config, ...content.layers];
    for (const descriptor of listed) {
      assert.deepEqual(Object.keys(descriptor), ["mediaType", "digest", "size"]);
      assert.ok(isDigest(descriptor.digest) && Number.isSafeInteger(descriptor.size) && descriptor.size >= 0);
    }
    assert.deepEqual(parseManifest(JSON.stringify(content)), content, "what was read is read the same");
  },
};

function quote(value: string): string {
  return `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}

const CHALLENGE_PIECES = [
  "Bearer ",
  "Basic ",
  "realm=",
  "service=",
  "scope=",
  ",",
  " ",
  '"',
  "\\",
  "=",
  '"https://h/token"',
  "a",
  '"repository:a:pull"',
  "Negotiate",
  "\t",
  "error=",
];

const challenge: FuzzTarget = {
  name: "challenge",
  pieces: CHALLENGE_PIECES,
  check: (text) => {
    const read = parseChallenge(text);
    if (read === undefined) return;
    assert.match(read.scheme, /^[a-z][\w-]*$/);
    const printed = [...read.parameters].map(([name, value]) => `${name}=${quote(value)}`).join(",");
    // A quoted string has no line break, and no header has.
    if (/[\r\n\u2028\u2029]/.test(printed)) return;
    assert.deepEqual(parseChallenge(`${read.scheme} ${printed}`)?.parameters, read.parameters);
  },
};

const rewrite: FuzzTarget = {
  name: "rewrite-challenge",
  pieces: CHALLENGE_PIECES,
  check: (text) => {
    assert.equal(
      rewriteBearerChallenges(text, () => undefined),
      text,
      "what is not replaced stays, to the byte",
    );
    // An unclosed quote is read anew from the quotes that the new value has.
    if (text.replaceAll(/\\./g, "").split('"').length % 2 === 0) return;
    const realms: string[] = [];
    const rewritten = rewriteBearerChallenges(text, (name) => (name === "realm" ? "http://proxy/" : undefined));
    rewriteBearerChallenges(rewritten, (name, value) => {
      if (name === "realm") realms.push(value);
      return undefined;
    });
    assert.deepEqual(
      realms.filter((realm) => realm !== "http://proxy/"),
      [],
      "no realm is left",
    );
  },
};

const scope: FuzzTarget = {
  name: "token-scope",
  pieces: ["repository", "(plugin)", ":", "/", "registry.test", ":5000", "app", "pull", ",", "push", "*", " ", "%2f"],
  check: (text) => {
    const split = splitScope(text);
    if (split === undefined) return;
    assert.ok(!split.registry.includes("/") && split.registry !== "");
    assert.equal(prefixScopes(split.scope, split.registry), text, "what was split is put together again");
  },
};

const LIMIT_HEADERS = ["ratelimit", "ratelimit-policy", "ratelimit-limit", "ratelimit-remaining"];

const rateLimit: FuzzTarget = {
  name: "rate-limit",
  pieces: [
    "100",
    ";w=",
    "21600",
    ",",
    '"burst"',
    ";r=",
    ";q=",
    ";t=",
    "limit=",
    "remaining=",
    "-1",
    "1e9",
    '"',
    " ",
    "=",
  ],
  check: (text) => {
    for (const own of LIMIT_HEADERS) {
      const read = readRateLimit((name) => (name === own || name === "ratelimit-policy" ? text : undefined));
      for (const value of Object.values(read ?? { none: 0 })) assert.ok(Number.isSafeInteger(value) && value >= 0);
    }
  },
};

export const OCI_TARGETS: readonly FuzzTarget[] = [
  route,
  registryHost,
  reference,
  digest,
  manifest,
  challenge,
  rewrite,
  scope,
  rateLimit,
];
