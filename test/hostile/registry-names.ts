import { request, type Group, type HostileInput } from "./hostile-input.ts";
import { PLACES, REBINDING, type Place } from "./places.ts";

const PATH = "/v2/REPO/manifests/x";

/** With every registry allowed, an address is the guard's to refuse; what is no host[:port] never becomes one. */
const openRules: readonly HostileInput[] = PLACES.map((place) => ({
  name: place.name,
  rules: "open",
  sends: request(`GET ${PATH}?ns=${place.host}:CANARY`),
  must: { status: 403, refused: place.isRegistryHost ? "address" : "unknown_registry" },
}));

const closedRules: readonly HostileInput[] = PLACES.map((place) => ({
  name: place.name,
  sends: request(`GET ${PATH}?ns=${place.host}:CANARY`),
  must: { status: 403, refused: "unknown_registry" },
}));

const SOME = new Set(["loopback", "metadata of AWS, GCP, Azure", "IPv6 loopback", "localhost", "a decimal number"]);
const some: readonly Place[] = PLACES.filter(({ name }) => SOME.has(name));

const elsewhere: readonly HostileInput[] = [
  ...some.map(({ name, host }): HostileInput => {
    const sends = request(`GET ${PATH}`, `OCI-Namespace: ${host}:CANARY`);
    return { name: `${name}, in the header`, rules: "open", sends, must: { status: 403, refused: "address" } };
  }),
  ...some.map(({ name, host }): HostileInput => {
    const sends = request(`GET /v2/${host}:CANARY/REPO/manifests/x`);
    return { name: `${name}, as a path prefix`, rules: "open", sends, must: { status: 403, refused: "address" } };
  }),
  ...some.map(({ name, host }): HostileInput => {
    const sends = request(`GET /v2/REPO/tags/list?ns=${host}:CANARY`);
    return { name: `${name}, for what is no pull`, rules: "open", sends, must: { status: 403, refused: "address" } };
  }),
  ...some.map(({ name, host }): HostileInput => {
    const sends = request(`GET /_pullmeter/token/${encodeURIComponent(host)}:CANARY?scope=repository:a:pull`);
    const must = { status: 403, refused: "address" } as const;
    return { name: `${name}, for a token`, rules: "open", to: "relay", sends, must };
  }),
  ...some.map(({ name, host }): HostileInput => {
    const sends = request(`GET /_pullmeter/token?scope=repository:${host}:CANARY/a:pull`);
    const must = { status: 403, refused: "address" } as const;
    return { name: `${name}, in a token's scope`, rules: "open", to: "relay", sends, must };
  }),
];

const rebinding: readonly HostileInput[] = Object.keys(REBINDING).flatMap((host): HostileInput[] => {
  const must = { status: 403, refused: "address" } as const;
  const input = { rules: "open", sends: request(`GET ${PATH}?ns=${host}:CANARY`), must } as const;
  return [
    { name: `${host}, first answer`, ...input },
    { name: `${host}, second answer`, ...input },
  ];
});

const MALFORMED: readonly (readonly [name: string, ns: string])[] = [
  ["nothing", ""],
  ["a space", "%20"],
  ["a URL", "http://127.0.0.1:CANARY"],
  ["a URL without scheme", "//127.0.0.1:CANARY"],
  ["a path behind the host", "registry.test/../../admin"],
  ["an encoded path behind the host", "registry.test%2F..%2Fadmin"],
  ["a query behind the host", "registry.test%3Fx"],
  ["a fragment behind the host", "registry.test%23@127.0.0.1:CANARY"],
  ["a backslash", "registry.test%5C@127.0.0.1"],
  ["user-info", "user@registry.test"],
  ["user-info with a secret", "user:pass@registry.test"],
  ["CRLF and a header", "registry.test%0d%0aHost:%20127.0.0.1"],
  ["a bare LF", "registry.test%0a"],
  ["a bare CR", "registry.test%0d"],
  ["NUL", "registry.test%00.example.com"],
  ["a tab", "registry.test%09"],
  ["DEL", "registry.test%7f"],
  ["broken percent-encoding", "registry%zz.test"],
  ["broken UTF-8", "registry%ff.test"],
  ["an overlong UTF-8 dot", "registry%c0%aetest"],
  ["a homograph", "r%D0%B5gistry.test"],
  ["the Kelvin sign", "registry-%E2%84%AA.test"],
  ["a long s", "regi%C5%BFtry.test"],
  ["a zero-width space", "registry%E2%80%8B.test"],
  ["a right-to-left override", "%E2%80%AEtset.yrtsiger"],
  ["an empty label", "registry..test"],
  ["a leading dot", ".registry.test"],
  ["two trailing dots", "registry.test.."],
  ["a leading hyphen", "-registry.test"],
  ["an underscore", "registry_.test"],
  ["a wildcard", "*.test"],
  ["256 characters", `${"a".repeat(252)}.com`],
  ["60,000 characters", "a".repeat(60_000)],
  ["port 0", "registry.test:0"],
  ["port 65536", "registry.test:65536"],
  ["a negative port", "registry.test:-1"],
  ["a port in hexadecimal", "registry.test:0x50"],
  ["an empty port", "registry.test:"],
  ["two ports", "registry.test:80:80"],
  ["an open bracket", "[::1"],
  ["a closed bracket", "::1]"],
  ["IPv6 without brackets", "::1"],
  ["the registry twice", "registry.test&ns=registry.test"],
  ["two registries", "registry.test&ns=127.0.0.1:CANARY"],
  ["a key of every object", "__proto__"],
];

const malformed: readonly HostileInput[] = MALFORMED.map(([name, ns]) => ({
  name,
  rules: "open",
  sends: request(`GET ${PATH}?ns=${ns}`),
  must: { status: 403, refused: "unknown_registry" },
}));

const UNKNOWN = ["constructor", "toString", "hasownproperty", "registry.test.evil.example", "docker.io.evil.example"];

const unknown: readonly HostileInput[] = UNKNOWN.map((ns) => ({
  name: ns,
  sends: request(`GET ${PATH}?ns=${ns}`),
  must: { status: 403, refused: "unknown_registry" },
}));

export const REGISTRY_NAMES: readonly Group[] = [
  {
    title: "Registries that are addresses, with every registry allowed",
    about:
      "`ns` is chosen by whoever can reach the port (GHSA-g2rq-jv54-wcpr, GHSA-chwm-m7g7-685g in Dragonfly). The guard stands alone here.",
    inputs: openRules,
  },
  {
    title: "The same with the default rules",
    about: "`ns` is a key to look up, never a place to dial.",
    inputs: closedRules,
  },
  { title: "The same in other places of a request", about: "Every way to name a registry.", inputs: elsewhere },
  {
    title: "Names that rebind",
    about: "The address that is dialled is the one that was judged (quay#6068, go-containerregistry#2440).",
    inputs: rebinding,
  },
  {
    title: "Registries that are no host",
    about: "With every registry allowed, so that only the grammar of a name stands.",
    inputs: malformed,
  },
  { title: "Registries that nobody allowed", about: "With the default rules.", inputs: unknown },
];
