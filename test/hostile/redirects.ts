import { answer, ASK, ASK_TAGS, DIGEST, redirect, request, type Group, type HostileInput } from "./hostile-input.ts";
import { PLACES, REBINDING } from "./places.ts";

const REFUSED = { status: 403, refused: "address" } as const;
const BLOB = request(`GET /v2/REPO/blobs/${DIGEST}?ns=registry.test`);

const toPlaces: readonly HostileInput[] = [
  ...PLACES.map(({ name, host, isUrlHost = true }): HostileInput => {
    const must = isUrlHost ? REFUSED : { status: 502 };
    return { name, sends: BLOB, upstream: redirect(`http://${host}:CANARY/`), must };
  }),
  ...Object.keys(REBINDING).flatMap((host): HostileInput[] => {
    const input = { sends: BLOB, upstream: redirect(`http://${host}:CANARY/`), must: REFUSED };
    return [
      { name: `${host}, first answer`, ...input },
      { name: `${host}, second answer`, ...input },
    ];
  }),
];

const LOCATIONS: readonly (readonly [name: string, location: string, must: HostileInput["must"]])[] = [
  ["without a scheme", "//127.0.0.1:CANARY/", REFUSED],
  ["spaces around it", "  http://127.0.0.1:CANARY/  ", REFUSED],
  ["a tab in the host", "http://127.0.\t0.1:CANARY/", { status: 502 }],
  ["HTTP in capitals", "HTTP://127.0.0.1:CANARY/", REFUSED],
  ["the registry as user-info", "http://registry.test@127.0.0.1:CANARY/", REFUSED],
  ["the registry as user and password", "http://registry.test:80@127.0.0.1:CANARY/", REFUSED],
  ["user-info twice", "http://registry.test@x@127.0.0.1:CANARY/", { status: 502 }],
  ["a backslash before the at sign", "http://127.0.0.1:CANARY\\@registry.test/", REFUSED],
  ["a fragment before the at sign", "http://127.0.0.1:CANARY#@registry.test/", REFUSED],
  ["a query before the at sign", "http://127.0.0.1:CANARY?@registry.test/", REFUSED],
  ["backslashes for slashes", "http:\\\\127.0.0.1:CANARY\\", { status: 502 }],
  ["one slash", "http:/127.0.0.1:CANARY/", { status: 502 }],
  ["no slash", "http:127.0.0.1:CANARY/", { status: 502 }],
  ["three slashes", "http:///127.0.0.1:CANARY/", { status: 502 }],
  ["file:", "file:///etc/passwd", { status: 502 }],
  ["gopher:", "gopher://127.0.0.1:CANARY/_x", { status: 502 }],
  ["ftp:", "ftp://127.0.0.1:CANARY/", { status: 502 }],
  ["data:", "data:text/plain,x", { status: 502 }],
  ["javascript:", "javascript:alert(1)", { status: 502 }],
  ["unix:", "unix:/var/run/docker.sock", { status: 502 }],
  ["blob:", "blob:http://127.0.0.1:CANARY/x", { status: 502 }],
  ["an impossible port", "http://127.0.0.1:99999/", { status: 502 }],
  ["an empty host", "http://:CANARY/", { status: 502 }],
  ["a host with a space", "http://127.0.0.1 :CANARY/", { status: 502 }],
  ["a name that does not exist", "http://nowhere.example.com/", { status: 502 }],
  ["60,000 characters", `http://127.0.0.1:CANARY/${"a".repeat(60_000)}`, REFUSED],
  ["to itself", "/v2/REPO/manifests/x", { status: 502 }],
];

const locations: readonly HostileInput[] = LOCATIONS.map(([name, location, must]) => ({
  name,
  sends: ASK,
  upstream: redirect(location),
  must,
}));

const STATUSES = ["301 Moved Permanently", "302 Found", "303 See Other", "308 Permanent Redirect"];

const statuses: readonly HostileInput[] = STATUSES.map((status) => ({
  name: status,
  sends: ASK,
  upstream: redirect("http://127.0.0.1:CANARY/", status),
  must: REFUSED,
}));

/** Not followed: the client gets them as they are. */
const passed: readonly HostileInput[] = [
  ...["300 Multiple Choices", "304 Not Modified", "305 Use Proxy"].map((status): HostileInput => {
    const upstream = redirect("http://127.0.0.1:CANARY/", status);
    return { name: status, sends: ASK, upstream, must: { status: Number(status.slice(0, 3)) } };
  }),
  {
    name: "Location beside a 200",
    sends: ASK,
    upstream: answer(["HTTP/1.1 200 OK", "Location: http://127.0.0.1:CANARY/", "Content-Length: 2"], "ok"),
    must: { status: 200, body: "ok" },
  },
  {
    name: "a redirect of what is no pull",
    sends: ASK_TAGS,
    upstream: redirect("http://127.0.0.1:CANARY/"),
    must: { status: 307 },
  },
  ...["Link", "Refresh", "Content-Location", "Alt-Svc"].flatMap((header): HostileInput[] => {
    const value = header === "Link" ? '<http://127.0.0.1:CANARY/v2/>; rel="next"' : "http://127.0.0.1:CANARY/";
    const upstream = answer(["HTTP/1.1 200 OK", `${header}: ${value}`, "Content-Length: 2"], "ok");
    return [ASK, ASK_TAGS].map((sends) => {
      const kind = sends === ASK ? "a manifest" : "a listing";
      return { name: `${header} of ${kind}`, sends, upstream, must: { status: 200, body: "ok" } };
    });
  }),
];

const secondHop: readonly HostileInput[] = [
  {
    name: "by way of another port of the registry's host",
    sends: BLOB,
    upstream: redirect("http://127.0.0.9:SECOND/to-canary"),
    must: REFUSED,
  },
  {
    name: "a challenge and a cookie of another origin",
    sends: BLOB,
    upstream: redirect("http://127.0.0.9:SECOND/challenge"),
    must: { status: 401, lacks: ["www-authenticate", "set-cookie"] },
  },
  ...["Authorization: Bearer s3cr3t-origin", "Cookie: id=s3cr3t-origin"].map((header): HostileInput => {
    const sends = request(`GET /v2/REPO/blobs/${DIGEST}?ns=registry.test`, header);
    const upstream = redirect("http://127.0.0.9:SECOND/ok");
    return { name: `with ${header.split(":")[0]}`, sends, upstream, must: { status: 200, body: "second" } };
  }),
  {
    name: "an endless chain",
    sends: BLOB,
    upstream: redirect("http://127.0.0.9:SECOND/chain/1"),
    must: { status: 502 },
  },
  {
    name: "from https to plain http on the same host",
    sends: request("GET /v2/downgrade/manifests/x?ns=secure.test"),
    must: REFUSED,
  },
  {
    name: "two Locations, the second to the canary",
    sends: BLOB,
    upstream: answer([
      "HTTP/1.1 307 Temporary Redirect",
      "Location: http://127.0.0.9:SECOND/ok",
      "Location: http://127.0.0.1:CANARY/",
      "Content-Length: 0",
    ]),
    must: { status: 200, body: "second" },
  },
];

export const REDIRECTS: readonly Group[] = [
  {
    title: "Redirects to addresses",
    about: "A registry sends the proxy on (go-containerregistry#2291: the check saw the first hop only).",
    inputs: toPlaces,
  },
  { title: "Redirects, spelled to deceive", about: "Two parsers that read one URL differently.", inputs: locations },
  { title: "Every status that redirects", about: "All of them go through the guard.", inputs: statuses },
  {
    title: "What leads elsewhere and is not followed",
    about: "`Link` of oras-go (GHSA-h7vf-4x9w-h99v), and others like it: the client's to decide.",
    inputs: passed,
  },
  {
    title: "Second hops",
    about: "The guard is asked on every hop, and what was for one origin stays there (CVE-2020-15157).",
    inputs: secondHop,
  },
];
