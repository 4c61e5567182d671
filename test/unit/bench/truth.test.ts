import assert from "node:assert/strict";
import { test } from "node:test";
import { makeImages } from "../../../bench/truth/images.ts";
import type { Recorded } from "../../../bench/truth/recorder.ts";
import type { Exchange } from "../../../bench/truth/tap.ts";
import { truthFromClient, truthFromWire, type ClientPull, type TruePull } from "../../../bench/truth/truth.ts";

const tagged = makeImages(1).find(({ roots }) => roots[0].image.layers.length >= 3)!;
const [root] = tagged.roots;
const layers = root.image.layers.map(({ digest }) => digest);
const ALL = new Set(layers);

function clientPull(id: number, overrides: Partial<ClientPull> = {}): ClientPull {
  return {
    plan: { id, registry: "main", repository: tagged.repository, reference: tagged.tag, credentials: "none" },
    result: { exitCode: 0, error: "", startMs: 0, endMs: 1000 },
    root,
    layersAtStart: new Set(),
    layersAtManifest: new Set(),
    killed: false,
    ...overrides,
  };
}

function exchange(pull: number, path: string, overrides: Partial<Exchange> = {}): Exchange {
  const url = `/v2/${tagged.repository}/${path}`;
  return {
    seq: 1,
    listener: "l",
    connection: 1,
    pull,
    method: "GET",
    url,
    headers: {},
    startMs: 10,
    endMs: 20,
    status: 200,
    bytes: 1,
    ...overrides,
  };
}

function recorded(path: string, overrides: Partial<Recorded> = {}): Recorded {
  const url = `/v2/${tagged.repository}/${path}`;
  return { registry: "r", method: "GET", url, startMs: 12, lastByteMs: 18, endMs: 18, bytes: 1, ...overrides };
}

const manifest = (pull: number, overrides: Partial<Exchange> = {}): Exchange =>
  exchange(pull, `manifests/${tagged.tag}`, overrides);
const layer = (pull: number, index: number, overrides: Partial<Exchange> = {}): Exchange =>
  exchange(pull, `blobs/${layers[index]}`, overrides);

function truthOf(
  pull: ClientPull,
  exchanges: readonly Exchange[],
  options: { daemon?: boolean; recorded?: Recorded[] } = {},
): TruePull {
  const wire = { exchanges, recorded: options.recorded ?? [] };
  return truthFromWire([pull], wire, { daemon: options.daemon ?? true })[0]!;
}

test("on disk: every layer in the store and none requested", () => {
  assert.equal(truthOf(clientPull(1, { layersAtStart: ALL, layersAtManifest: ALL }), [manifest(1)]).onDisk, true);
});

test("not on disk: a layer was missing, whether it was requested or came with another pull", () => {
  assert.equal(truthOf(clientPull(1), [manifest(1), layer(1, 0)]).onDisk, false);
  assert.equal(truthOf(clientPull(1), [manifest(1)]).onDisk, false);
});

test("on disk is not known when the store changed under the pull, and not for failures", () => {
  const unknown = [
    truthOf(clientPull(1, { layersAtManifest: ALL }), [manifest(1)]),
    truthOf(clientPull(1, { layersAtStart: ALL }), [manifest(1), layer(1, 0)]),
    truthOf(clientPull(1, { layersAtStart: ALL, layersAtManifest: new Set() }), [manifest(1)]),
    truthOf(clientPull(1, { root: undefined }), [manifest(1)]),
    truthOf(clientPull(1, { result: { exitCode: 1, error: "", startMs: 0, endMs: 9 } }), [manifest(1)]),
    // A process fetches for itself: without a request every layer had come before it looked.
    truthOf(clientPull(1), [manifest(1)], { daemon: false }),
  ];
  assert.deepEqual(
    unknown.map(({ onDisk }) => onDisk),
    Array.from({ length: 6 }, () => undefined),
  );
});

test("the exit code tells the status, unless the client died in silence", () => {
  const failed = { result: { exitCode: 137, error: "", startMs: 0, endMs: 9 } };
  assert.equal(truthOf(clientPull(1), [manifest(1)]).ok, true);
  assert.equal(truthOf(clientPull(1, failed), [manifest(1)]).ok, false);
  assert.equal(truthOf(clientPull(1, { ...failed, killed: true }), [manifest(1, { aborted: "client" })]).ok, false);
  assert.equal(truthOf(clientPull(1, { ...failed, killed: true }), [manifest(1)]).ok, undefined);
});

test("a client that fails on its own store tells nothing about the proxy", () => {
  const errors = [
    "Error: committing the finished image: layer not known",
    'failed to get image "a" from containerd image store: image "a": not found',
  ];
  for (const error of errors) {
    const result = { exitCode: 125, error, startMs: 0, endMs: 9 };
    assert.equal(truthOf(clientPull(1, { result }), [manifest(1)]).ok, undefined, error);
  }
});

function basic(text: string): Exchange {
  return manifest(1, { headers: { authorization: `Basic ${Buffer.from(text).toString("base64")}` } });
}

test("credentials count if they name somebody", () => {
  assert.deepEqual(
    ["alice:secret", ":", ""].map((text) => truthOf(clientPull(1), [basic(text)]).hasCreds),
    [true, false, false],
  );
});

test("a pull is visible by a manifest or blob, not by a ping", () => {
  const ping = exchange(1, "", { url: "/v2/" });
  assert.equal(truthOf(clientPull(1), [ping]).visible, false);
  assert.equal(truthOf(clientPull(1), [ping, manifest(1)]).visible, true);
});

test("start and end lie between what tap and recorder saw", () => {
  const { start, end } = truthOf(clientPull(1), [manifest(1)], { recorded: [recorded(`manifests/${tagged.tag}`)] });
  assert.deepEqual(
    [start, end],
    [
      { earliestMs: 10, latestMs: 12 },
      { earliestMs: 18, latestMs: 20 },
    ],
  );
});

test("after an abort the registry's side hears of it last", () => {
  const tries = [recorded(`blobs/${layers[0]}`, { lastByteMs: 15, endMs: 26, aborted: true })];
  const { end } = truthOf(clientPull(1), [layer(1, 0, { aborted: "client" })], { recorded: tries });
  assert.deepEqual(end, { earliestMs: 20, latestMs: 26 });
});

test("the last of several tries ends a request", () => {
  const path = `blobs/${layers[0]}`;
  const tries = [recorded(path, { lastByteMs: 13 }), recorded(path, { startMs: 40, lastByteMs: 88 })];
  const { end } = truthOf(clientPull(1), [layer(1, 0, { endMs: 90 })], { recorded: tries });
  assert.deepEqual(end, { earliestMs: 88, latestMs: 90 });
});

test("two clients that ask for the same at once have a try each before anyone has two", () => {
  const path = `blobs/${layers[0]}`;
  const tries = [recorded(path, { startMs: 12, lastByteMs: 50 }), recorded(path, { startMs: 13, lastByteMs: 70 })];
  const exchanges = [layer(1, 0, { endMs: 52 }), layer(2, 0, { startMs: 11, endMs: 72 })];
  const truths = truthFromWire([clientPull(1), clientPull(2)], { exchanges, recorded: tries }, { daemon: false });
  assert.deepEqual(
    truths.map(({ end }) => end?.earliestMs),
    [50, 70],
  );
});

test("a pull that waited for another's download ends with it; processes wait for nobody", () => {
  const others = layers.map((_, index) => layer(2, index, { startMs: 100, endMs: 500 + index }));
  const exchanges = [manifest(1), ...others];
  const last = 500 + layers.length - 1;
  assert.equal(truthOf(clientPull(1), exchanges).end?.latestMs, last);
  assert.equal(truthOf(clientPull(1), exchanges, { daemon: false }).end?.latestMs, 20);
  const result = { exitCode: 0, error: "", startMs: 0, endMs: 300 };
  assert.equal(truthOf(clientPull(1, { result }), exchanges).end?.latestMs, 20, "it had returned before");
});

function onDiskIn(pulls: readonly ClientPull[], log: readonly Recorded[]): boolean | undefined {
  return truthFromClient(pulls, log)[0]?.onDisk;
}

test("without a tap the client tells the status, and the recorder what was requested", () => {
  const fetched = [recorded(`blobs/${layers[0]}`)];
  const stored = clientPull(1, { layersAtStart: ALL, layersAtManifest: undefined });
  assert.equal(onDiskIn([stored], []), true);
  assert.equal(onDiskIn([clientPull(1)], fetched), false);
  assert.equal(onDiskIn([clientPull(1), clientPull(2)], fetched), undefined, "either may have asked");
  const [known, killed] = truthFromClient([stored, clientPull(2, { killed: true })], []);
  assert.deepEqual([known?.visible, known?.ok, known?.start], [true, true, undefined]);
  assert.deepEqual([killed?.visible, killed?.ok], [undefined, undefined]);
});
