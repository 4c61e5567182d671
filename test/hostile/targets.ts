import { request, type Group, type HostileInput, type Must } from "./hostile-input.ts";

type Row = readonly [name: string, path: string, must: Must];

const NAME: Must = { status: 400, refused: "bad_name" };
const PATH: Must = { status: 400, refused: "bad_path" };
const REFERENCE: Must = { status: 400, refused: "bad_reference" };
const BAD_DIGEST: Must = { status: 400, refused: "bad_digest" };

const TRAVERSAL: readonly Row[] = [
  ["dots in a name", "/v2/a/../b/manifests/x", NAME],
  ["dots at the beginning", "/v2/../admin/manifests/x", NAME],
  ["many dots", "/v2/a/../../../../etc/passwd/manifests/x", NAME],
  ["a single dot", "/v2/a/./b/manifests/x", NAME],
  ["encoded dots", "/v2/a/%2e%2e/b/manifests/x", NAME],
  ["half-encoded dots", "/v2/a/.%2e/b/manifests/x", NAME],
  ["encoded slashes around dots", "/v2/a%2f..%2fb/manifests/x", NAME],
  ["encoded twice", "/v2/a/%252e%252e/b/manifests/x", NAME],
  ["encoded three times", "/v2/a/%25252e%25252e/b/manifests/x", NAME],
  ["overlong UTF-8 dots", "/v2/a/%c0%ae%c0%ae/b/manifests/x", PATH],
  ["UTF-16 dots", "/v2/a/%u002e%u002e/b/manifests/x", PATH],
  ["a backslash", "/v2/a\\..\\b/manifests/x", NAME],
  ["an encoded backslash", "/v2/a%5c..%5cb/manifests/x", NAME],
  ["dots with parameters", "/v2/a/..;/b/manifests/x", NAME],
  ["an empty segment", "/v2/a//b/manifests/x", NAME],
  ["a leading empty segment", "/v2//a/manifests/x", NAME],
  ["no name", "/v2//manifests/x", PATH],
  ["NUL in a name", "/v2/a%00b/manifests/x", NAME],
  ["CRLF in a name", "/v2/a%0d%0aX:%20y/manifests/x", PATH],
  ["a space in a name", "/v2/a%20b/manifests/x", NAME],
  ["capitals", "/v2/Upper/manifests/x", NAME],
  ["a full-width slash", "/v2/a%EF%BC%8Fb/manifests/x", NAME],
  ["an at sign", "/v2/user@host/manifests/x", NAME],
  ["256 characters", `/v2/${"a".repeat(256)}/manifests/x`, NAME],
  ["30,000 segments", `/v2/${"a/".repeat(30_000)}manifests/x`, NAME],
  ["30,000 separators", `/v2/a${"-".repeat(30_000)}/manifests/x`, NAME],
  ["30,000 dots and letters", `/v2/${"a.".repeat(30_000)}/manifests/x`, NAME],
  ["another API", "/v1/repositories/a/images", PATH],
  ["the root", "/", PATH],
  ["the admin listener's metrics", "/metrics", PATH],
  ["the admin listener's pulls", "/api/pulls", PATH],
  ["the API without its slash", "/v2x", PATH],
  ["the API in capitals", "/V2/a/manifests/x", PATH],
  ["two slashes at the beginning", "//v2/a/manifests/x", PATH],
  ["two slashes and a host", "//127.0.0.1:CANARY/v2/a/manifests/x", PATH],
  ["broken percent-encoding", "/v2/a%zz/manifests/x", PATH],
  ["half a percent-encoding", "/v2/a/manifests/x%", PATH],
];

const REFERENCES: readonly Row[] = [
  ["dots", "/v2/a/manifests/..", REFERENCE],
  ["encoded dots", "/v2/a/manifests/%2e%2e", REFERENCE],
  ["dots encoded twice", "/v2/a/manifests/%252e%252e", REFERENCE],
  ["a slash", "/v2/a/manifests/x%2fy", PATH],
  ["a colon", "/v2/a/manifests/a:b", REFERENCE],
  ["129 characters", `/v2/a/manifests/${"a".repeat(129)}`, REFERENCE],
  ["a space", "/v2/a/manifests/a%20b", REFERENCE],
  ["a leading hyphen", "/v2/a/manifests/-rf", REFERENCE],
  ["NUL", "/v2/a/manifests/a%00", REFERENCE],
  ["a line break at the end", "/v2/a/manifests/a%0a", REFERENCE],
  ["a semicolon", "/v2/a/manifests/a;b", REFERENCE],
  ["a dollar and braces", "/v2/a/manifests/$%7Bjndi:x%7D", REFERENCE],
  ["a quote", "/v2/a/manifests/%22", REFERENCE],
  ["markup", "/v2/a/manifests/%3Cscript%3E", REFERENCE],
  ["nothing", "/v2/a/manifests/", PATH],
  ["a digest of the wrong length", "/v2/a/manifests/sha256:abc", REFERENCE],
];

const hex = (length: number, letter = "a"): string => letter.repeat(length);

const DIGESTS: readonly Row[] = [
  ["63 digits", `/v2/a/blobs/sha256:${hex(63)}`, BAD_DIGEST],
  ["65 digits", `/v2/a/blobs/sha256:${hex(65)}`, BAD_DIGEST],
  ["no digits", "/v2/a/blobs/sha256:", BAD_DIGEST],
  ["60,000 digits", `/v2/a/blobs/sha256:${hex(60_000)}`, BAD_DIGEST],
  ["capitals", `/v2/a/blobs/sha256:${hex(64, "A")}`, BAD_DIGEST],
  ["a letter beyond f", `/v2/a/blobs/sha256:${hex(63)}g`, BAD_DIGEST],
  ["an algorithm in capitals", `/v2/a/blobs/SHA256:${hex(64)}`, BAD_DIGEST],
  ["md5", `/v2/a/blobs/md5:${hex(32)}`, BAD_DIGEST],
  ["sha512 of sha256's length", `/v2/a/blobs/sha512:${hex(64)}`, BAD_DIGEST],
  ["no algorithm", `/v2/a/blobs/${hex(64)}`, BAD_DIGEST],
  ["two algorithms", `/v2/a/blobs/sha256:sha256:${hex(64)}`, BAD_DIGEST],
  ["dots (CVE-2024-3727)", "/v2/a/blobs/sha256:..%2f..%2f..%2fetc", PATH],
  ["a slash", `/v2/a/blobs/sha256%2f${hex(64)}`, PATH],
  ["a line break at the end", `/v2/a/blobs/sha256:${hex(64)}%0a`, BAD_DIGEST],
  ["NUL at the end", `/v2/a/blobs/sha256:${hex(64)}%00`, BAD_DIGEST],
  ["full-width digits", `/v2/a/blobs/sha256:${"%EF%BC%91".repeat(64)}`, BAD_DIGEST],
  ["a tag", "/v2/a/blobs/latest", BAD_DIGEST],
  ["referrers of no digest", "/v2/a/referrers/latest", BAD_DIGEST],
];

const UPLOADS: readonly Row[] = [
  ["dots", "/v2/a/blobs/uploads/..", PATH],
  ["dots and a path", "/v2/a/blobs/uploads/../../../admin", PATH],
  ["encoded dots", "/v2/a/blobs/uploads/%2e%2e%2fadmin", PATH],
  ["dots encoded twice", "/v2/a/blobs/uploads/%252e%252e", PATH],
  ["a slash", "/v2/a/blobs/uploads/a/b", PATH],
  ["a backslash", "/v2/a/blobs/uploads/a%5c..", PATH],
  ["CRLF", "/v2/a/blobs/uploads/a%0d%0aX:y", PATH],
];

function rows(list: readonly Row[], method: string, to: HostileInput["to"]): HostileInput[] {
  return list.map(([name, path, must]) => ({ name, ...(to && { to }), sends: request(`${method} ${path}`), must }));
}

const PREFIXED: readonly HostileInput[] = [
  ["dots behind the registry", "/v2/registry.test/../a/manifests/x", NAME] as Row,
  ["dots that take the registry away", "/v2/a/../registry.test/b/manifests/x", NAME] as Row,
  ["an encoded slash behind the registry", "/v2/registry.test%2fa/manifests/x", PATH] as Row,
  ["two registries", "/v2/registry.test/127.0.0.1:CANARY/a/manifests/x", NAME] as Row,
].map(([name, path, must]) => ({ name, sends: request(`GET ${path}`), must }));

const METHODS: readonly (readonly [method: string, must: Must])[] = [
  ["PUT", { status: 405, refused: "method" }],
  ["POST", { status: 405, refused: "method" }],
  ["PATCH", { status: 405, refused: "method" }],
  ["DELETE", { status: 405, refused: "method" }],
  ["OPTIONS", { status: 405, refused: "method" }],
  ["TRACE", { status: 405, refused: "method" }],
  ["PROPFIND", { status: 405, refused: "method" }],
  ["PURGE", { status: 405, refused: "method" }],
  ["M-SEARCH", { status: 405, refused: "method" }],
  ["QUERY", { status: 405, refused: "method" }],
  ["get", { status: 400, refused: "bad_request" }],
  ["GeT", { status: 400, refused: "bad_request" }],
  ["DEBUG", { status: 400, refused: "bad_request" }],
  ["TRACK", { status: 400, refused: "bad_request" }],
  ["G\u0000ET", { status: 400, refused: "bad_request" }],
  ["GET\t", { status: 400, refused: "bad_request" }],
  ["A".repeat(10_000), { status: 400, refused: "bad_request" }],
];

const methods: readonly HostileInput[] = METHODS.map(([method, must]) => ({
  name: method.length > 20 ? "10,000 letters" : JSON.stringify(method).slice(1, -1),
  sends: request(`${method} /v2/REPO/manifests/x?ns=registry.test`, "Content-Length: 0"),
  must,
}));

const withPush: readonly HostileInput[] = ["OPTIONS", "TRACE", "PROPFIND", "LINK"].map((method) => ({
  name: `${method}, with allowPush`,
  to: "push",
  sends: request(`${method} /v2/REPO/manifests/x?ns=registry.test`),
  must: { status: 405, refused: "method" },
}));

const overriding: readonly HostileInput[] = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"].map(
  (header) => ({
    name: header,
    sends: request("GET /v2/REPO/manifests/x?ns=registry.test", `${header}: DELETE`),
    upstream: { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
    must: { status: 200, body: "ok" },
  }),
);

const FORMS: readonly (readonly [name: string, line: string, must: Must])[] = [
  ["absolute-form, the registry", "GET http://registry.test/v2/REPO/manifests/x", PATH],
  ["absolute-form, the canary", "GET http://127.0.0.1:CANARY/v2/REPO/manifests/x", PATH],
  ["absolute-form, https", "GET https://127.0.0.1:CANARY/", PATH],
  ["absolute-form with ns", "GET http://127.0.0.1:CANARY/v2/REPO/manifests/x?ns=registry.test", PATH],
  ["absolute-form, ftp", "GET ftp://127.0.0.1:CANARY/", PATH],
  ["asterisk-form", "OPTIONS *", PATH],
  ["asterisk-form of GET", "GET *", PATH],
  ["authority-form of GET", "GET 127.0.0.1:CANARY", { status: 400, refused: "bad_request" }],
  ["CONNECT to the canary", "CONNECT 127.0.0.1:CANARY", { status: 405, refused: "method" }],
  ["CONNECT to metadata", "CONNECT 169.254.169.254:80", { status: 405, refused: "method" }],
  ["CONNECT with a path", "CONNECT /v2/REPO/manifests/x", { status: 405, refused: "method" }],
  ["a fragment", "GET /v2/REPO/manifests/x#?ns=registry.test", REFERENCE],
];

const forms: readonly HostileInput[] = FORMS.map(([name, line, must]) => ({ name, sends: request(line), must }));

export const TARGETS: readonly Group[] = [
  {
    title: "Repository names and paths",
    about: "Whoever decodes or normalises a path once more must read the same one (CVE-2024-39897 of zot).",
    inputs: [...rows(TRAVERSAL, "GET", "own"), ...PREFIXED],
  },
  { title: "References", about: "A tag or a digest, and nothing else.", inputs: rows(REFERENCES, "GET", "own") },
  {
    title: "Digests",
    about: "Unchecked, they chose paths and hosts in containers/image (CVE-2024-3727).",
    inputs: rows(DIGESTS, "GET", "own"),
  },
  {
    title: "Upload sessions, with pushes allowed",
    about: "The one opaque segment of a path.",
    inputs: rows(UPLOADS, "DELETE", "push"),
  },
  {
    title: "Methods",
    about: "GET and HEAD, and no other method by another name (GHSA-qg67-7m6v-qg25 of zot).",
    inputs: [...methods, ...withPush, ...overriding],
  },
  { title: "Forms of a request's target", about: "This is no open proxy.", inputs: forms },
];
