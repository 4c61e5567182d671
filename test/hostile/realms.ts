import { request, type Group, type HostileInput } from "./hostile-input.ts";
import { PLACES } from "./places.ts";

/** Of a client that asks for a token: it must reach neither the canary nor a realm of somebody else. */
const PASSWORD = "s3cr3t-for-the-realm";
const BASIC = `Basic ${Buffer.from(`user:${PASSWORD}`).toString("base64")}`;

interface Realm {
  readonly name: string;
  readonly challenge: string;
  readonly must: HostileInput["must"];
}

const bearer = (realm: string): string => `Bearer realm="${realm}",service="registry"`;

/**
 * A realm that is not the registry's own is not believed, and the registry counts as one that gives no tokens: the client
 * gets one that the proxy made, and nothing was sent anywhere.
 */
const NOT_BELIEVED = { status: 200 } as const;
const REFUSED = { status: 403, refused: "address" } as const;

const isOfExampleCom = (host: string): boolean => host.endsWith(".example.com");

const REALMS: readonly Realm[] = [
  ...PLACES.map(({ name, host }) => ({
    name,
    challenge: bearer(`http://${host}:CANARY/token`),
    // Below the registry's own domain it is believed, and then the guard decides.
    must: isOfExampleCom(host) ? REFUSED : NOT_BELIEVED,
  })),
  { name: "file:", challenge: bearer("file:///etc/passwd"), must: NOT_BELIEVED },
  { name: "nothing", challenge: bearer(""), must: NOT_BELIEVED },
  { name: "a relative URL", challenge: bearer("//127.0.0.1:CANARY/token"), must: NOT_BELIEVED },
  { name: "no realm", challenge: 'Bearer service="registry"', must: NOT_BELIEVED },
  { name: "a scheme alone", challenge: "Bearer", must: NOT_BELIEVED },
  { name: "an unclosed quote", challenge: 'Bearer realm="http://127.0.0.1:CANARY/token', must: NOT_BELIEVED },
  { name: "without quotes", challenge: "Bearer realm=http://127.0.0.1:CANARY/token", must: NOT_BELIEVED },
  {
    name: "two realms, the second to the canary",
    challenge: 'Bearer realm="http://REGISTRY.invalid/",realm="http://127.0.0.1:CANARY/token"',
    must: NOT_BELIEVED,
  },
  {
    name: "escaped quotes",
    challenge: 'Bearer realm="http://127.0.0.1:CANARY/\\"token\\""',
    must: NOT_BELIEVED,
  },
  {
    name: "10,000 parameters",
    challenge: `Bearer ${"a=b,".repeat(10_000)}realm="http://127.0.0.1:CANARY/token"`,
    must: NOT_BELIEVED,
  },
  {
    name: "10,000 backslashes",
    challenge: `Bearer realm="${"\\".repeat(10_000)}`,
    must: NOT_BELIEVED,
  },
];

const realms: readonly HostileInput[] = REALMS.map(({ name, challenge, must }, index) => {
  const registry = { name: `realm-${index}.example.com`, challenge };
  return {
    name,
    to: "relay",
    registry,
    sends: request(
      `GET /_pullmeter/token/${registry.name}?scope=repository:a:pull&account=user`,
      `Authorization: ${BASIC}`,
    ),
    must: { ...must, hides: PASSWORD },
  };
});

const own = "own-realm.example.com";

const byRedirect: readonly HostileInput[] = [
  {
    name: "a token service that redirects to the canary",
    to: "relay",
    registry: { name: own, challenge: bearer(`http://${own}:REGISTRY/to-canary`) },
    sends: request(`GET /_pullmeter/token/${own}?scope=repository:a:pull`, `Authorization: ${BASIC}`),
    must: { ...REFUSED, hides: PASSWORD },
  },
];

const FORMS: readonly (readonly [name: string, target: string, must: HostileInput["must"]])[] = [
  ["no scope", "/_pullmeter/token", { status: 403, refused: "unknown_registry" }],
  [
    "scopes of two registries",
    "/_pullmeter/token?scope=repository:a.example.com/a:pull&scope=repository:b.example.com/a:pull",
    { status: 403, refused: "unknown_registry" },
  ],
  [
    "a scope without a repository",
    "/_pullmeter/token?scope=repository::pull",
    { status: 403, refused: "unknown_registry" },
  ],
  ["broken percent-encoding", "/_pullmeter/token/%zz", { status: 403, refused: "unknown_registry" }],
  ["a path behind the registry", "/_pullmeter/token/registry.test/../x", { status: 403, refused: "unknown_registry" }],
  [
    "a registry that is a key of every object",
    "/_pullmeter/token/__proto__",
    { status: 403, refused: "unknown_registry" },
  ],
];

const forms: readonly HostileInput[] = FORMS.map(([name, target, must]) => ({
  name,
  to: "relay",
  sends: request(`GET ${target}`),
  must,
}));

const posts: readonly HostileInput[] = [
  {
    name: "a form of 100,000 bytes",
    to: "relay",
    sends: `POST /_pullmeter/token/registry.test HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n${"a".repeat(100_000)}`,
    must: { status: 400, refused: "bad_request" },
  },
  {
    name: "a form told in two lengths",
    to: "relay",
    sends:
      "POST /_pullmeter/token/registry.test HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\na=b",
    must: { status: 400, refused: "bad_request" },
  },
  {
    name: "another method",
    to: "relay",
    sends: request("DELETE /_pullmeter/token/registry.test"),
    must: { status: 400, refused: "bad_request" },
  },
  {
    name: "where tokens are not relayed",
    sends: request("GET /_pullmeter/token/registry.test?scope=repository:a:pull"),
    must: { status: 403, refused: "unknown_registry" },
  },
];

export const TOKEN_SERVICES: readonly Group[] = [
  {
    title: "Token realms",
    about:
      "A registry's challenge sends credentials somewhere (CVE-2026-33540 of distribution, CVE-2026-33990 of Model Runner, oras-go GHSA-xf85-363p-868w).",
    inputs: realms,
  },
  { title: "Token services that redirect", about: "The guard is asked again.", inputs: byRedirect },
  { title: "Requests for tokens", about: "Forms that name no registry, or several.", inputs: [...forms, ...posts] },
];
