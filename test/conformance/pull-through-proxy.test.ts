import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { sampleImages, type SampleImage } from "../../src/demo/images.ts";
import { startDemoRegistry, type DemoRegistry, type DemoRegistryOptions } from "../../src/demo/registry.ts";
import { startProxy, upstreamAt, type TestProxy } from "../support/data-plane.ts";
import { valueOf, wireRequest, type WireResponse } from "../support/wire-client.ts";

// Everything that a pull of the sample images can ask a registry: the same answers straight and through the proxy.

const IMAGES = sampleImages();
const ACCOUNTS = { users: { user: "password" }, privateRepositories: { "team/secret": ["user"] } };

/** Date is the second of the answer; the others end at each hop. */
const NOT_COMPARED = new Set(["date", "connection", "keep-alive", "transfer-encoding"]);

interface Ask {
  readonly method?: "GET" | "HEAD";
  readonly target: string;
  readonly headers?: readonly string[];
}

async function startBoth(
  t: TestContext,
  options: Partial<DemoRegistryOptions> = {},
): Promise<{ readonly registry: DemoRegistry; readonly proxy: TestProxy }> {
  const registry = await startDemoRegistry({ images: IMAGES, ...options });
  t.after(() => registry.close());
  const proxy = await startProxy(t, { upstreams: [upstreamAt(registry.url)] });
  return { registry, proxy };
}

function asksOf({ repository, tag, manifests, blobs }: SampleImage): Ask[] {
  const references = [...manifests.map(({ digest }) => digest), ...(tag === undefined ? [] : [tag])];
  const targets = references.map((reference) => `/v2/${repository}/manifests/${reference}`);
  const blobTargets = blobs.map(({ digest }) => `/v2/${repository}/blobs/${digest}`);
  return [
    ...[...targets, ...blobTargets].flatMap((target): Ask[] => [{ target }, { target, method: "HEAD" }]),
    ...blobTargets.flatMap((target): Ask[] =>
      ["bytes=0-", "bytes=100-199", "bytes=-7", "bytes=999999999-", "bytes=5-1", "bytes=0-1,3-4", "lines=1-2"].map(
        (range) => ({
          target,
          headers: [`Range: ${range}`],
        }),
      ),
    ),
    ...targets.map((target): Ask => ({ target, headers: [`If-None-Match: "${manifests[0]?.digest}"`] })),
    { target: `/v2/${repository}/tags/list` },
    { target: `/v2/${repository}/tags/list?n=1` },
    { target: `/v2/${repository}/referrers/${manifests[0]?.digest}` },
    { target: `/v2/${repository}/manifests/missing` },
    { target: `/v2/${repository}/blobs/sha256:${"0".repeat(64)}` },
    { target: "/v2/none/such/manifests/latest", method: "HEAD" },
    { target: "/v2/" },
    { target: "/v2/_catalog" },
  ];
}

function send(port: number, { method = "GET", target, headers = [] }: Ask, query = ""): Promise<WireResponse> {
  const url = target.includes("?") ? `${target}&${query}` : `${target}?${query}`;
  return wireRequest(
    port,
    [`${method} ${query === "" ? target : url} HTTP/1.1`, "Host: 127.0.0.1", ...headers],
    method,
  );
}

function compared({ statusLine, headers, body, complete }: WireResponse): unknown {
  const kept = headers.filter((_, i) => !NOT_COMPARED.has(headers[i - (i % 2)]?.toLowerCase() ?? ""));
  return { statusLine, kept, complete, length: body.length, hash: createHash("sha256").update(body).digest("hex") };
}

for (const image of IMAGES) {
  const name = `${image.repository}:${image.tag ?? "(by digest)"}`;
  test(`${name} is the same through the proxy, in ${asksOf(image).length} requests`, async (t) => {
    const { registry, proxy } = await startBoth(t);
    const port = Number(new URL(registry.url).port);
    for (const ask of asksOf(image)) {
      const straight = await send(port, ask);
      const proxied = await send(proxy.port, ask, "ns=registry.test");
      assert.deepEqual(compared(proxied), compared(straight), JSON.stringify(ask));
    }
  });
}

test("blobs that are redirected arrive as if they were not", async (t) => {
  const store = await startDemoRegistry({ images: IMAGES });
  t.after(() => store.close());
  const { registry, proxy } = await startBoth(t, { redirectBlobsTo: store.url });
  const blobs = IMAGES.flatMap((image) => image.blobs.map(({ digest }) => `/v2/${image.repository}/blobs/${digest}`));
  for (const target of blobs) {
    const straight = await send(Number(new URL(registry.url).port), { target });
    assert.match(straight.statusLine, / 307 /);
    const proxied = await send(proxy.port, { target }, "ns=registry.test");
    assert.match(proxied.statusLine, / 200 /);
    assert.equal(`sha256:${createHash("sha256").update(proxied.body).digest("hex")}`, target.split("/").at(-1));
  }
});

test("a token pull: the challenge, the token and what it opens are the registry's", async (t) => {
  const { registry, proxy } = await startBoth(t, { auth: { scheme: "bearer", ...ACCOUNTS } });
  const port = Number(new URL(registry.url).port);
  const target = "/v2/team/secret/manifests/v1";
  for (const ask of [{ target: "/v2/" }, { target }, { target, method: "HEAD" as const }]) {
    const straight = await send(port, ask);
    const proxied = await send(proxy.port, ask, "ns=registry.test");
    assert.deepEqual(compared(proxied), compared(straight));
    assert.match(valueOf(proxied.headers, "www-authenticate") ?? "", /^Bearer realm=/);
  }
  const basic = `Basic ${Buffer.from("user:password").toString("base64")}`;
  const answer = await fetch(`${registry.url}/token?scope=repository:team/secret:pull`, {
    headers: { Authorization: basic },
  });
  const { token } = (await answer.json()) as { token: string };
  const opened = await send(proxy.port, { target, headers: [`Authorization: Bearer ${token}`] }, "ns=registry.test");
  assert.equal(opened.statusLine, "HTTP/1.1 200 OK");
  await proxy.event("started", ({ credentials }) => credentials === "bearer");
});
