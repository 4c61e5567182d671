import { answer, ASK, ASK_TAGS, DIGEST, redirect, request, type Group, type HostileInput } from "./hostile-input.ts";

// Each secret is a word of its own, so that a leak tells where it came from. All begin with "s3cr3t": whoever reads a log
// of a failed run can search for that.

const basic = (userAndPassword: string): string => Buffer.from(userAndPassword).toString("base64");

/** A header or payload of a JSON Web Token. */
const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString("base64url");

const JWT = `${part({ alg: "none" })}.${part({ sub: "user" })}.s3cr3t-signature`;

const OK = answer(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok");

interface Sent {
  readonly name: string;
  readonly secret: string;
  /** As it is written: Basic is base64. Default: the secret. */
  readonly header: string;
}

const SENT: readonly Sent[] = [
  {
    name: "a Basic password",
    secret: basic("user:s3cr3t-basic"),
    header: `Authorization: Basic ${basic("user:s3cr3t-basic")}`,
  },
  { name: "a bearer token", secret: "s3cr3t-bearer", header: "Authorization: Bearer s3cr3t-bearer" },
  { name: "a JSON Web Token", secret: "s3cr3t-signature", header: `Authorization: Bearer ${JWT}` },
  { name: "a malformed Authorization", secret: "s3cr3t-malformed", header: "Authorization: s3cr3t-malformed" },
  {
    name: "an Authorization of an unknown scheme",
    secret: "s3cr3t-scheme",
    header: "Authorization: Custom key=s3cr3t-scheme",
  },
  { name: "a cookie", secret: "s3cr3t-cookie", header: "Cookie: session=s3cr3t-cookie" },
  { name: "X-Registry-Auth", secret: "s3cr3t-registry-auth", header: "X-Registry-Auth: s3cr3t-registry-auth" },
  { name: "user-info in Referer", secret: "s3cr3t-referer", header: "Referer: https://user:s3cr3t-referer@h/" },
  { name: "a token in User-Agent", secret: "s3cr3t-agent", header: "User-Agent: podman/5 Bearer s3cr3t-agent" },
];

const requests: readonly HostileInput[] = SENT.flatMap(({ name, secret, header }) => [
  {
    name,
    sends: request("GET /v2/REPO/manifests/x?ns=registry.test", header),
    upstream: OK,
    must: { status: 200, hides: secret },
  },
  {
    name: `${name}, of a listing`,
    sends: request("GET /v2/REPO/tags/list?ns=registry.test", header),
    upstream: OK,
    must: { status: 200, hides: secret },
  },
  {
    name: `${name}, of a request that is refused`,
    sends: request("GET /v2/REPO/manifests/x?ns=unknown.example.com", header),
    must: { status: 403, refused: "unknown_registry", hides: secret },
  },
  {
    name: `${name}, on the way to a dead host`,
    sends: request("GET /v2/REPO/manifests/x?ns=registry.test", header),
    upstream: redirect("http://nowhere.example.com/"),
    must: { status: 502, hides: secret },
  },
]);

const NS = "ns=registry.test";
const FORM = "username=u&password=s3cr3t-form&scope=repository:a:pull";

const targets: readonly HostileInput[] = [
  {
    name: "a token in the query",
    sends: request(`GET /v2/REPO/manifests/x?token=s3cr3t-query&${NS}`),
    upstream: OK,
    must: { status: 200, hides: "s3cr3t-query" },
  },
  {
    name: "a token in the query of a request that is refused",
    sends: request("GET /v2/REPO/manifests/x?token=s3cr3t-refused&ns=unknown.example.com"),
    must: { status: 403, refused: "unknown_registry", hides: "s3cr3t-refused" },
  },
  {
    name: "user-info in ns",
    sends: request("GET /v2/REPO/manifests/x?ns=user:s3cr3t-ns@registry.test"),
    must: { status: 403, refused: "unknown_registry", hides: "s3cr3t-ns" },
  },
  {
    name: "user-info in the target",
    sends: request("GET http://user:s3cr3t-target@registry.test/v2/"),
    must: { status: 400, refused: "bad_path", hides: "s3cr3t-target" },
  },
  {
    name: "a secret in a head that cannot be read",
    sends: "GET /v2/ HTTP/1.1\r\nAuthorization : Bearer s3cr3t-unreadable\r\n\r\n",
    must: { status: 400, refused: "bad_request", hides: "s3cr3t-unreadable" },
  },
  {
    name: "a password in a form for a token",
    to: "relay",
    sends: `POST /_pullmeter/token/registry.test HTTP/1.1\r\nHost: h\r\nContent-Length: ${FORM.length}\r\n\r\n${FORM}`,
    must: { status: 200, hides: "s3cr3t-form" },
  },
];

const BLOB = request(`GET /v2/REPO/blobs/${DIGEST}?${NS}`);

const upstreams: readonly HostileInput[] = [
  {
    name: "a signed URL that is followed",
    sends: BLOB,
    upstream: redirect("http://127.0.0.9:SECOND/ok?X-Amz-Signature=s3cr3t-amz&sig=s3cr3t-azure"),
    must: { status: 200, hides: "s3cr3t-amz" },
  },
  {
    name: "a signed URL to an address",
    sends: BLOB,
    upstream: redirect("http://127.0.0.1:CANARY/?Signature=s3cr3t-gcs"),
    must: { status: 403, refused: "address", hides: "s3cr3t-gcs" },
  },
  {
    name: "a signed URL to a dead host",
    sends: BLOB,
    upstream: redirect("http://nowhere.example.com/?sig=s3cr3t-dead"),
    must: { status: 502, hides: "s3cr3t-dead" },
  },
  {
    name: "user-info in a Location",
    sends: BLOB,
    upstream: redirect("http://user:s3cr3t-location@nowhere.example.com/"),
    must: { status: 502, hides: "s3cr3t-location" },
  },
  {
    name: "a Location that is no URL",
    sends: BLOB,
    upstream: redirect("ftp://user:s3cr3t-ftp@h/?token=s3cr3t-ftp"),
    must: { status: 502, hides: "s3cr3t-ftp" },
  },
  {
    name: "a cookie",
    sends: ASK,
    upstream: answer(["HTTP/1.1 200 OK", "Set-Cookie: id=s3cr3t-set-cookie", "Content-Length: 2"], "ok"),
    must: { status: 200, hides: "s3cr3t-set-cookie" },
  },
  {
    name: "a cookie in a head that cannot be read",
    sends: ASK_TAGS,
    upstream: answer(["HTTP/1.1 200 OK", "Set-Cookie: id=s3cr3t-broken", "X : y", "Content-Length: 2"], "ok"),
    must: { status: 502, hides: "s3cr3t-broken" },
  },
  {
    name: "whom a rate limit counts",
    sends: ASK,
    upstream: answer([
      "HTTP/1.1 429 Too Many Requests",
      "Docker-RateLimit-Source: s3cr3t-source",
      "RateLimit-Limit: 1;w=1",
      "Content-Length: 0",
    ]),
    must: { status: 429, hides: "s3cr3t-source" },
  },
];

/** In the configuration of both programs; see stage.ts. */
export const CONFIGURED = {
  proxyPassword: "s3cr3t-proxy-password",
  collectorKey: "s3cr3t-collector-key",
} as const;

const configuration: readonly HostileInput[] = [
  {
    name: "an upstream proxy's password, https",
    sends: request("GET /v2/REPO/manifests/x?ns=tunnelled.test"),
    must: { status: 502, hides: CONFIGURED.proxyPassword },
  },
  {
    name: "an upstream proxy's password, http",
    sends: request("GET /v2/REPO/manifests/x?ns=proxied.test"),
    must: { status: 502, hides: CONFIGURED.proxyPassword },
  },
  {
    name: "an upstream proxy's password, of a listing",
    sends: request("GET /v2/REPO/tags/list?ns=tunnelled.test"),
    must: { status: 502, hides: CONFIGURED.proxyPassword },
  },
  {
    name: "the key for the collector of traces",
    sends: ASK,
    upstream: OK,
    must: { status: 200, hides: CONFIGURED.collectorKey },
  },
];

export const SECRETS: readonly Group[] = [
  {
    title: "Secrets of clients",
    about:
      "rpardini's logs print them. Searched for in logs at debug level, metrics in three formats, pages, traces, and in the proxy's own answers.",
    inputs: [...requests, ...targets],
  },
  {
    title: "Secrets of registries",
    about: "Signed URLs and cookies, searched for in the same places.",
    inputs: upstreams,
  },
  { title: "Secrets of the configuration", about: "Searched for in the same places.", inputs: configuration },
];
