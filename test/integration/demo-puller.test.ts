import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sampleImages } from "../../src/demo/images.ts";
import { pull, type PullOptions } from "../../src/demo/puller.ts";
import { startDemoRegistry, type DemoRegistry, type DemoRegistryOptions } from "../../src/demo/registry.ts";
import { StatusError } from "../../src/demo/session.ts";
import type { Digest } from "../../src/oci/digest.ts";

const IMAGES = sampleImages();

async function start(t: TestContext, options: Partial<DemoRegistryOptions> = {}): Promise<DemoRegistry> {
  const registry = await startDemoRegistry({ images: IMAGES, ...options });
  t.after(() => registry.close());
  return registry;
}

function ofApp(registry: DemoRegistry, options: Partial<PullOptions> = {}): PullOptions {
  return { origin: registry.url, repository: "demo/app", reference: "v1", store: new Set<Digest>(), ...options };
}

/** Requests without their digests: `GET blobs`. */
function steps(registry: DemoRegistry): string[] {
  return registry.requests.map(
    ({ method, target }) => `${method} ${/\/(manifests|blobs)\//.exec(target)?.[1] ?? target}`,
  );
}

test("a pull asks for ping, manifest, config and every layer, on at most 6 connections", async (t) => {
  const registry = await start(t);
  const pulled = await pull(ofApp(registry));
  assert.deepEqual(steps(registry), ["GET /v2/", "GET manifests", ...Array.from({ length: 5 }, () => "GET blobs")]);
  assert.deepEqual([pulled.layersFetched, pulled.layersOnDisk], [4, 0]);
  assert.equal(
    pulled.bytes,
    registry.requests.slice(1).reduce((sum, request) => sum + request.bytes, 0),
  );
  const connections = new Set(registry.requests.map((request) => request.connection));
  assert.ok(connections.size <= 6, `${connections.size} connections`);
});

test("two pulls share no connection", async (t) => {
  const registry = await start(t);
  await pull(ofApp(registry));
  const first = new Set(registry.requests.map((request) => request.connection));
  const count = registry.requests.length;
  await pull(ofApp(registry));
  for (const request of registry.requests.slice(count)) assert.ok(!first.has(request.connection));
});

test("layers on disk are not asked for, the config always is", async (t) => {
  const registry = await start(t);
  const store = new Set<Digest>();
  await pull(ofApp(registry, { store }));
  const count = registry.requests.length;
  const again = await pull(ofApp(registry, { store }));
  assert.deepEqual(steps(registry).slice(count), ["GET /v2/", "GET manifests", "GET blobs"]);
  assert.deepEqual([again.layersFetched, again.layersOnDisk], [0, 4]);
  const next = await pull(ofApp(registry, { store, reference: "v2" }));
  assert.deepEqual([next.layersFetched, next.layersOnDisk], [1, 3]);
});

test("of an index only the child for amd64 is fetched", async (t) => {
  const registry = await start(t);
  await pull(ofApp(registry, { repository: "demo/multi" }));
  assert.deepEqual(steps(registry).slice(0, 4), ["GET /v2/", "GET manifests", "GET manifests", "GET blobs"]);
  const multi = IMAGES.find((image) => image.repository === "demo/multi")!;
  assert.ok(registry.requests[2]!.target.endsWith(multi.manifests[1]!.digest));
});

test("wrong bytes under a digest fail the pull", async (t) => {
  const faults = [{ request: /^GET .*\/blobs\//, action: { kind: "respond", status: 200, body: "{}" } }] as const;
  const registry = await start(t, { faults });
  await assert.rejects(pull(ofApp(registry)), /digest is sha256:[0-9a-f]{64}, not sha256:/);
});

test("a layer that fails ends the pull at once, the other layers included", async (t) => {
  const [config, first, second] = IMAGES[0]!.blobs.map((blob) => blob.digest);
  assert.ok(config);
  const faults = [
    { request: new RegExp(first!), action: { kind: "stall", afterBytes: 10 } },
    { request: new RegExp(second!), action: { kind: "respond", status: 500 } },
  ] as const;
  const registry = await start(t, { faults });
  await assert.rejects(pull(ofApp(registry)), (error) => error instanceof StatusError && error.status === 500);
  assert.equal((await registry.whenEnded(new RegExp(first!))).complete, false);
});

test("a body that is cut is resumed from there, if it brought a MiB", async (t) => {
  const layer = IMAGES.find((image) => image.repository === "demo/flaky")!.blobs[1]!;
  const request = new RegExp(layer.digest);
  const flaky = { repository: "demo/flaky" };
  const late = await start(t, { faults: [{ request, times: 1, action: { kind: "cut", afterBytes: 2_000_000 } }] });
  assert.equal((await pull(ofApp(late, flaky))).layersFetched, 1);
  assert.equal(late.requests.at(-1)?.headers.range, "bytes=2000000-");
  const early = await start(t, { faults: [{ request, times: 1, action: { kind: "cut", afterBytes: 200_000 } }] });
  await assert.rejects(pull(ofApp(early, flaky)), { name: "CutError", message: "cut after 200000 bytes" });
});

test("a token is fetched without credentials, or with them", async (t) => {
  const users = { alice: "wonderland" };
  const auth = { scheme: "bearer", users, privateRepositories: { "team/secret": ["alice"] } } as const;
  const registry = await start(t, { auth });
  await pull(ofApp(registry, { repository: "team/tools" }));
  const secret = ofApp(registry, { repository: "team/secret" });
  await assert.rejects(pull(secret), (error) => error instanceof StatusError && error.status === 401);
  await pull({ ...secret, credentials: { username: "alice", password: "wonderland" } });
});

test("a basic registry gets the credentials with every request", async (t) => {
  const registry = await start(t, { auth: { scheme: "basic", users: { alice: "wonderland" } } });
  await pull(ofApp(registry, { credentials: { username: "alice", password: "wonderland" } }));
  await assert.rejects(pull(ofApp(registry)), StatusError);
  const anonymous = registry.requests.at(-1);
  assert.equal(anonymous?.headers.authorization, "Basic Og==", "an empty user and password, as podman sends it");
});

test("an abort from outside ends the pull", async (t) => {
  const faults = [{ request: /blobs/, action: { kind: "silence" } }] as const;
  const registry = await start(t, { faults });
  const stop = new AbortController();
  const pulling = pull(ofApp(registry, { signal: stop.signal }));
  await registry.whenEnded(/manifests/);
  stop.abort();
  await assert.rejects(pulling, { name: "AbortError" });
});
