import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  blob,
  byDigest,
  CONTAINERD_1,
  CONTAINERD_2,
  containerdPull,
  digest,
  DOCKER,
  image,
  index,
  manifest,
  PODMAN_4,
  PODMAN_5,
  podmanStart,
  Story,
} from "../../support/pull-story.ts";

const ROOT = ["m", image("c", "a", "b")] as const;
const TRACE_1 = "1".repeat(32);
const TRACE_2 = "2".repeat(32);

suite("strong keys", () => {
  test("requests with one trace id are one pull, whatever else is in flight", () => {
    const story = new Story();
    for (const traceId of [TRACE_1, TRACE_2]) {
      story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { request: { traceId }, response: { manifest: ROOT } });
    }
    const fetched = story.exchange(CONTAINERD_2, `GET ${byDigest("m")}`, {
      request: { traceId: TRACE_2 },
      response: { manifest: ROOT },
    });
    const [first, second] = story.finished();
    assert.equal(first?.traceId, TRACE_1);
    assert.ok(second?.transfers.includes(fetched));
  });

  test("two images in one trace are two pulls", () => {
    const story = new Story();
    const request = { traceId: TRACE_1 };
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { request, response: { manifest: ROOT } });
    story.exchange(CONTAINERD_2, "HEAD /v2/lib/other/manifests/v1", { request, response: { manifest: ROOT } });
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v2")}`, { request, response: { manifest: ROOT } });
    assert.equal(story.finished().length, 3);
  });

  test("a request without trace id never belongs to a pull that has one", () => {
    const story = new Story();
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, {
      request: { traceId: TRACE_1 },
      response: { manifest: ROOT },
    });
    story.exchange(CONTAINERD_2, `GET ${blob("a")}`);
    assert.deepEqual(story.unassigned(), ["no_pull"]);
  });

  test("the process of a connection tells twins apart", () => {
    const story = new Story();
    const first = podmanStart(story, ["a"], 101);
    const second = podmanStart(story, ["a"], 102);
    const layerOfSecond = story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection: story.connect(102) } });
    const layerOfFirst = story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection: story.connect(101) } });
    story.close(first).close(second);
    const [one, two] = story.finished();
    assert.ok(one?.transfers.includes(layerOfFirst));
    assert.ok(two?.transfers.includes(layerOfSecond));
  });

  test("the process of a daemon says nothing: CRI-O runs all pulls in one", () => {
    const story = new Story();
    const userAgent = "cri-o/1.34.0 go/go1.24 os/linux arch/amd64";
    for (const repository of ["one", "two"]) {
      const connection = story.connect(7);
      story.exchange(userAgent, "GET /v2/", { request: { connection } });
      story.exchange(userAgent, `GET /v2/lib/${repository}/manifests/v1`, { request: { connection } });
    }
    assert.deepEqual(
      story.finished().map(({ repository, client }) => [repository, client.family]),
      [
        ["lib/one", "cri-o"],
        ["lib/two", "cri-o"],
      ],
    );
  });

  test("what comes over a connection of a live pull is the pull's", () => {
    const story = new Story();
    const connection = containerdPull(story, ["a"]);
    const unknown = story.exchange(CONTAINERD_2, `GET ${blob("not listed")}`, { request: { connection } });
    assert.ok(story.finished()[0]?.transfers.includes(unknown));
  });

  test("behind another proxy a connection identifies nobody", () => {
    const story = new Story();
    const request = { connection: story.connect(), forwarded: true };
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { request, response: { manifest: ROOT } });
    story.exchange(CONTAINERD_2, `GET ${byDigest("m")}`, { request, response: { manifest: ROOT } });
    story.exchange(CONTAINERD_2, `GET ${blob("not listed")}`, { request });
    assert.deepEqual(story.unassigned(), ["no_pull"]);
  });

  test("another tag on the connection of a live pull begins a pull", () => {
    const story = new Story();
    const connection = story.connect();
    for (const tag of ["v1", "v2"]) {
      story.exchange("curl/8.10.1", `GET ${manifest(tag)}`, { request: { connection }, response: { manifest: ROOT } });
    }
    assert.deepEqual(
      story.finished().map(({ reference }) => reference),
      ["v1", "v2"],
    );
  });

  test("an unknown client that resolves the same tag once more begins a pull", () => {
    const story = new Story();
    const request = { connection: story.connect() };
    for (let round = 0; round < 2; round += 1) {
      story.exchange("my-puller/1.0", `GET ${manifest("v1")}`, { request, response: { manifest: ROOT } });
      story.exchange("my-puller/1.0", `GET ${blob("a")}`, { request });
    }
    assert.equal(story.finished().length, 2);
  });
});

suite("HEAD of a manifest", () => {
  test("always begins a pull", () => {
    const story = new Story();
    for (let times = 0; times < 3; times += 1) {
      story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    }
    assert.equal(story.finished().length, 3);
  });

  test("is repeated with credentials after a challenge", () => {
    const story = new Story();
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { status: 401 } });
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, {
      request: { credentials: "basic" },
      response: { manifest: ROOT },
    });
    const [pull, ...others] = story.finished();
    assert.deepEqual([pull?.status, pull?.hasCreds, others.length], ["ok", true, 0]);
  });

  test("is repeated after a rate limit", () => {
    const story = new Story();
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { status: 429 } });
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    assert.deepEqual(
      story.finished().map(({ cause }) => cause),
      ["none"],
    );
  });

  test("is not repeated after a server's error: the client goes to the registry", () => {
    const story = new Story();
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { status: 500 } });
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    assert.deepEqual(
      story.finished().map(({ cause }) => cause),
      ["upstream_5xx", "none"],
    );
  });
});

suite("GET of a manifest by digest", () => {
  test("goes to the pull whose HEAD was answered first, not to the one that asked first", () => {
    const story = new Story();
    const slow = story.start(CONTAINERD_1, `HEAD ${manifest("v1")}`);
    const fast = story.start(CONTAINERD_1, `HEAD ${manifest("v1")}`);
    story.respond(fast, { manifest: ROOT }).finish(fast);
    story.nowMs += 1;
    story.respond(slow, { manifest: ROOT }).finish(slow);
    const fetch = story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    const fetching = story.finished().find(({ transfers }) => transfers.includes(fetch));
    assert.ok(fetching?.transfers.includes(fast));
  });

  test("passes by a pull that was free to fetch and did not: its image is on disk", () => {
    const story = new Story();
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.wait(500);
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    assert.deepEqual(
      story.finished().map(({ onDisk, onDiskKind }) => [onDisk, onDiskKind]),
      [
        [true, "head_only"],
        [true, "manifest_only"],
      ],
    );
  });

  for (const { waitedMs, whose } of [
    { waitedMs: 70, whose: "first" },
    { waitedMs: 90, whose: "second" },
  ] as const) {
    test(`goes to the ${whose} of two pulls when the first has waited for ${waitedMs} ms, where 40 were the longest lately`, () => {
      const story = new Story();
      const other = ["n", image("d")] as const;
      story.exchange(CONTAINERD_1, "HEAD /v2/lib/other/manifests/v1", { response: { manifest: other } });
      story.wait(40);
      story.exchange(CONTAINERD_1, `GET /v2/lib/other/manifests/${digest("n")}`, { response: { manifest: other } });
      const first = story.exchange(CONTAINERD_1, `HEAD ${byDigest("m")}`, { response: { manifest: ROOT } });
      story.wait(waitedMs);
      const second = story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
      const fetch = story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
      const pull = story.finished().find(({ transfers }) => transfers.includes(fetch));
      assert.ok(pull?.transfers.includes(whose === "first" ? first : second));
    });
  }

  test("passes by a pull that one resolved later has overtaken", () => {
    const story = new Story();
    const busy = story.start(CONTAINERD_2, "HEAD /v2/lib/x/manifests/v1");
    const limit = [1, 2].map(() => story.start(CONTAINERD_2, "HEAD /v2/lib/x/manifests/v2"));
    assert.equal(limit.length, 2);
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.wait(1_000);
    const other = ["n", image("d")] as const;
    story.exchange(CONTAINERD_2, "HEAD /v2/lib/other/manifests/v1", { response: { manifest: other } });
    story.exchange(CONTAINERD_2, `GET /v2/lib/other/manifests/${digest("n")}`, { response: { manifest: other } });
    const late = story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    const fetch = story.exchange(CONTAINERD_2, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    story.fail(busy, "proxy");
    const pull = story.finished().find(({ transfers }) => transfers.includes(fetch));
    assert.ok(pull?.transfers.includes(late));
  });

  test("waits for a pull of a daemon that is at its download limit", () => {
    const story = new Story();
    for (const name of ["x", "y", "z"]) {
      const root = [name, image(`config ${name}`, `layer ${name}`)] as const;
      const repository = `/v2/lib/${name}`;
      story.exchange(CONTAINERD_2, `HEAD ${repository}/manifests/v1`, { response: { manifest: root } });
      const connection = story.connect();
      story.exchange(CONTAINERD_2, `GET ${repository}/manifests/${digest(name)}`, {
        request: { connection },
        response: { manifest: root },
      });
      const layer = `GET ${repository}/blobs/${digest(`layer ${name}`)}`;
      story.respond(story.start(CONTAINERD_2, layer, { connection }));
    }
    const head = story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.wait(10_000);
    const fetch = story.exchange(CONTAINERD_2, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    const pull = story.finished().find(({ transfers }) => transfers.includes(fetch));
    assert.ok(pull?.transfers.includes(head));
  });

  test("of an index's child goes to the pull that read the index first", () => {
    const story = new Story();
    const root = ["i", index("m", "other")] as const;
    const reads = ["v1", "v1"].map((tag) => {
      story.exchange(PODMAN_4, "GET /v2/");
      return story.exchange(PODMAN_4, `GET ${manifest(tag)}`, { response: { manifest: root } });
    });
    const child = story.exchange(PODMAN_4, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    const pull = story.finished().find(({ transfers }) => transfers.includes(child));
    assert.ok(pull?.transfers.includes(reads[0]!));
  });

  test("with credentials goes to the pull that was challenged for it, not to the next that waits", () => {
    const story = new Story();
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    const challenged = story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, { response: { status: 401 } });
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    const again = story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, {
      request: { credentials: "basic" },
      response: { manifest: ROOT },
    });
    const pull = story.finished().find(({ transfers }) => transfers.includes(again));
    assert.ok(pull?.transfers.includes(challenged));
  });

  test("after a tag that was read without a digest belongs to that pull", () => {
    const story = new Story();
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`);
    story.exchange(CONTAINERD_1, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    assert.equal(story.finished().length, 1);
  });

  test("is adopted by a pull whose resolve was answered elsewhere, the last failed one first", () => {
    const story = new Story();
    const failed = ["v1", "v2"].map((tag) =>
      story.exchange(CONTAINERD_1, `HEAD ${manifest(tag)}`, { response: { status: 500 } }),
    );
    const fetch = story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    const pull = story.finished().find(({ transfers }) => transfers.includes(fetch));
    assert.ok(pull?.transfers.includes(failed[1]!));
    assert.equal(pull?.cause, "none");
  });

  test("begins a pull of a process that pulls by digest", () => {
    const story = new Story();
    for (let times = 0; times < 2; times += 1) {
      story.exchange(PODMAN_4, "GET /v2/");
      story.exchange(PODMAN_4, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    }
    const pulls = story.finished();
    assert.deepEqual(
      pulls.map(({ reference }) => reference),
      [digest("m"), digest("m")],
    );
  });
});

suite("GET of a manifest by tag", () => {
  test("with a ping that nobody claimed begins a pull", () => {
    const story = new Story();
    for (let times = 0; times < 2; times += 1) story.exchange(PODMAN_4, "GET /v2/");
    for (let times = 0; times < 2; times += 1) {
      story.exchange(PODMAN_4, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    }
    assert.equal(story.finished().length, 2);
  });

  test("without one is a repetition of a resolve that failed", () => {
    const story = new Story();
    story.exchange(DOCKER, "GET /v2/");
    story.exchange(DOCKER, `HEAD ${manifest("v1")}`, { response: { status: 404 } });
    story.exchange(DOCKER, `GET ${manifest("v1")}`, { response: { status: 404 } });
    const pulls = story.finished();
    assert.deepEqual(
      pulls.map(({ cause, status }) => [cause, status]),
      [["not_found", "user_error"]],
    );
  });

  for (const [name, pauseMs, pulls, attempts] of [
    ["about a second after the last close is a whole-pull retry", 1_200, 1, 2],
    ["too early for the client's pause is another process", 500, 2, 1],
    ["too late for the client's pause is another process", 3_500, 2, 1],
  ] as const) {
    test(`of a failed pull, with a ping ${name}`, () => {
      const story = new Story();
      const connection = podmanStart(story, ["a"]);
      story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection }, response: { status: 503 } });
      story.close(connection).wait(pauseMs);
      story.close(podmanStart(story, ["a"])).wait(20_000);
      const finished = story.finished();
      assert.equal(finished.length, pulls);
      assert.equal(finished[0]?.attempts, attempts);
      assert.equal(finished[0]?.status, attempts === 2 ? "ok" : "error");
    });
  }

  for (const [first, second, attempts] of [
    [503, 500, 2],
    [500, 503, 1],
  ] as const) {
    test(`after ${first} of a layer and ${second} of a later one is ${attempts === 2 ? "a retry" : "another process"}`, () => {
      const story = new Story();
      const connection = podmanStart(story, ["a", "b"]);
      const fail = (name: string, status: number): number =>
        story.exchange(PODMAN_5, `GET ${blob(name)}`, { request: { connection }, response: { status } });
      fail("b", second);
      fail("a", first);
      story.close(connection).wait(1_200);
      story.close(podmanStart(story, ["a", "b"]));
      assert.equal(story.finished()[0]?.attempts, attempts);
    });
  }

  test("after the fourth attempt is another process", () => {
    const story = new Story();
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const connection = podmanStart(story, ["a"]);
      story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection }, response: { status: 503 } });
      story.close(connection).wait(1_200);
    }
    assert.deepEqual(
      story.finished().map(({ attempts }) => attempts),
      [4, 1],
    );
  });

  test("after a resume that was refused is another process", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    const cut = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
    story.respond(cut, { contentLength: 100 }).fail(cut, "truncated", 40).wait(1_000);
    const request = { connection, rangeStart: 40 };
    story.exchange(PODMAN_5, `GET ${blob("a")}`, { request, response: { status: 503 } });
    story.close(connection).wait(1_200);
    story.close(podmanStart(story, ["a"]));
    assert.deepEqual(
      story.finished().map(({ status }) => status),
      ["error", "ok"],
    );
  });

  test("after a blob that was cut is another process", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    const cut = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
    story.respond(cut, { contentLength: 100 }).fail(cut, "truncated", 40).close(connection).wait(1_200);
    story.close(podmanStart(story, ["a"]));
    assert.deepEqual(
      story.finished().map(({ attempts }) => attempts),
      [1, 1],
    );
  });

  test("by the process that failed is a retry at any time", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"], 9);
    story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection }, response: { status: 503 } });
    story.close(connection).wait(5_000);
    story.close(podmanStart(story, ["a"], 9));
    assert.deepEqual(
      story.finished().map(({ attempts }) => attempts),
      [2],
    );
  });

  test("what the first attempt got does not hide that the second one failed", () => {
    const story = new Story();
    const first = podmanStart(story, ["a", "b"]);
    story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection: first } });
    story.exchange(PODMAN_5, `GET ${blob("b")}`, { request: { connection: first }, response: { status: 503 } });
    story.close(first).wait(1_200);
    const second = podmanStart(story, ["a", "b"]);
    story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection: second }, response: { status: 500 } });
    story.close(second);
    assert.deepEqual(
      story.finished().map(({ cause, attempts }) => [cause, attempts]),
      [["upstream_5xx", 2]],
    );
  });
});

/** Two pulls of one image by processes with a connection per request, both with their config. */
function twins(story: Story): readonly [number, number] {
  const pings = [1, 2].map(() => story.exchange(PODMAN_4, "GET /v2/"));
  for (let times = 0; times < 2; times += 1) {
    story.exchange(PODMAN_4, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
  }
  for (let times = 0; times < 2; times += 1) story.exchange(PODMAN_4, `GET ${blob("c")}`);
  return [pings[0]!, pings[1]!];
}

function ownerOf(story: Story, transfer: number): readonly number[] {
  return story.finished().find(({ transfers }) => transfers.includes(transfer))?.transfers ?? [];
}

suite("GET of a blob", () => {
  test("goes to the pull that could ask first", () => {
    const story = new Story();
    const [first] = twins(story);
    const layer = story.exchange(PODMAN_4, `GET ${blob("a")}`);
    assert.ok(ownerOf(story, layer).includes(first));
  });

  test("goes to a pull that never asked for it rather than to one that did", () => {
    const story = new Story();
    const [, second] = twins(story);
    story.exchange(PODMAN_4, `GET ${blob("a")}`);
    const layer = story.exchange(PODMAN_4, `GET ${blob("a")}`);
    assert.ok(ownerOf(story, layer).includes(second));
  });

  test("does not go to a process that has not read its config", () => {
    const story = new Story();
    story.exchange(PODMAN_4, "GET /v2/");
    story.exchange(PODMAN_4, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.exchange(PODMAN_4, `GET ${blob("a")}`);
    assert.deepEqual(story.unassigned(), ["no_pull"]);
  });

  test("with an offset goes to the pull in which it is incomplete", () => {
    const story = new Story();
    const [first] = twins(story);
    const cut = story.start(PODMAN_4, `GET ${blob("a")}`);
    story.respond(cut, { contentLength: 100 }).fail(cut, "truncated", 40);
    const rest = story.exchange(PODMAN_4, `GET ${blob("a")}`, {
      request: { rangeStart: 40 },
      response: { status: 206, contentRange: { start: 40, end: 99, size: 100 }, bytes: 60 },
    });
    assert.ok(ownerOf(story, rest).includes(first));
  });

  test("with an offset goes to the process whose body was cut there, though another was cut before", () => {
    const story = new Story();
    const cuts = [40, 60].map((bytes) => {
      const connection = podmanStart(story, ["a"]);
      const cut = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
      story.respond(cut, { contentLength: 100 }).fail(cut, "truncated", bytes).close(connection);
      return cut;
    });
    story.wait(1_100);
    const rests = [60, 40].map((start) =>
      story.exchange(PODMAN_5, `GET ${blob("a")}`, {
        request: { connection: story.connect(), rangeStart: start },
        response: { status: 206, contentRange: { start, end: 99, size: 100 }, bytes: 100 - start },
      }),
    );
    assert.ok(ownerOf(story, cuts[1] ?? -1).includes(rests[0] ?? -2));
    assert.ok(ownerOf(story, cuts[0] ?? -1).includes(rests[1] ?? -2));
  });

  test("of a blob that was cut, from its start, goes to another process", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    const cut = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
    story.respond(cut, { contentLength: 100 }).fail(cut, "truncated", 40);
    const whole = story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection: story.connect() } });
    assert.equal(ownerOf(story, cut).includes(whole), false);
  });

  test("that failed for good goes to another pull", () => {
    const story = new Story();
    const [, second] = twins(story);
    story.exchange(PODMAN_4, `GET ${blob("a")}`, { response: { status: 500 } });
    const layer = story.exchange(PODMAN_4, `GET ${blob("a")}`);
    assert.ok(ownerOf(story, layer).includes(second));
  });

  test("of another layer still goes to the pull that failed", () => {
    const story = new Story();
    story.exchange(PODMAN_4, "GET /v2/");
    story.exchange(PODMAN_4, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.exchange(PODMAN_4, `GET ${blob("c")}`);
    story.exchange(PODMAN_4, `GET ${blob("a")}`, { response: { status: 500 } });
    story.exchange(PODMAN_4, `GET ${blob("b")}`);
    const [pull] = story.finished();
    assert.deepEqual([pull?.layersRequested, pull?.cause], [2, "upstream_5xx"]);
  });

  test("goes to the pull that the registry told to come again now", () => {
    const story = new Story();
    const [first] = twins(story);
    story.exchange(PODMAN_4, `GET ${blob("a")}`, { response: { status: 429, retryAfterSeconds: 2 } });
    story.wait(2_000);
    const layer = story.exchange(PODMAN_4, `GET ${blob("a")}`);
    assert.ok(ownerOf(story, layer).includes(first));
  });

  test("does not go to a pull that its client cancelled, not even with an offset", () => {
    const story = new Story();
    const connection = containerdPull(story, []);
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    const killedConnection = story.connect();
    story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, {
      request: { connection: killedConnection },
      response: { manifest: ROOT },
    });
    const killed = story.start(CONTAINERD_1, `GET ${blob("a")}`, { connection: killedConnection });
    const waiting = story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.respond(killed, { contentLength: 100 }).fail(killed, "client_aborted", 30).close(killedConnection);
    const rest = story.exchange(CONTAINERD_1, `GET ${blob("a")}`, {
      request: { rangeStart: 30 },
      response: { status: 206, contentRange: { start: 30, end: 99, size: 100 }, bytes: 70 },
    });
    story.close(connection);
    const pulls = story.finished();
    assert.ok(pulls.find(({ transfers }) => transfers.includes(rest))?.transfers.includes(waiting));
    assert.equal(pulls.find(({ transfers }) => transfers.includes(killed))?.status, "canceled");
  });

  test("on a new connection is not from a daemon's pull that had an idle one", () => {
    const story = new Story();
    const idle = story.connect();
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, {
      request: { connection: idle },
      response: { manifest: ROOT },
    });
    const other = story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.nowMs += 50;
    const layer = story.exchange(CONTAINERD_1, `GET ${blob("a")}`);
    assert.ok(ownerOf(story, layer).includes(other));
  });

  test("of parallel ranges goes to the pull that is reading it", () => {
    const story = new Story();
    containerdPull(story, []);
    const root = ["n", image("d", "big")] as const;
    const head = story.exchange(CONTAINERD_2, `HEAD ${manifest("v2")}`, { response: { manifest: root } });
    story.exchange(CONTAINERD_2, `GET ${byDigest("n")}`, { response: { manifest: root } });
    const first = story.start(CONTAINERD_2, `GET ${blob("big")}`);
    const second = story.start(CONTAINERD_2, `GET ${blob("big")}`, { rangeStart: 50 });
    story.respond(first).finish(first).respond(second).finish(second);
    const owner = ownerOf(story, second);
    assert.ok(owner.includes(head) && owner.includes(first));
  });

  test("and HEAD of a repository that the client pushes to are no pull's", () => {
    const story = new Story();
    story.exchange("my-pusher/1.0", "POST /v2/lib/app/blobs/uploads/", { response: { status: 202 } });
    story.exchange("my-pusher/1.0", `HEAD ${blob("a")}`);
    story.exchange("my-pusher/1.0", `GET ${blob("a")}`);
    assert.deepEqual(story.unassigned(), ["push", "push", "push"]);
  });

  for (const [status, isOver] of [
    [405, true],
    [403, true],
    [401, false],
    [429, false],
  ] as const) {
    test(`and HEAD after an upload was answered with ${status} are ${isOver ? "a pull's again" : "the push's still"}`, () => {
      const story = new Story();
      story.exchange(CONTAINERD_2, "POST /v2/lib/app/blobs/uploads/", { response: { status } });
      containerdPull(story, []);
      assert.equal(story.unassigned().length > 1, !isOver);
      assert.equal(story.finished().length, isOver ? 1 : 0);
    });
  }

  test("that a daemon was refused goes to the next pull that waits for it", () => {
    const story = new Story();
    const owner = story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    const cut = story.start(CONTAINERD_1, `GET ${blob("a")}`);
    const waiting = story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.respond(cut, { contentLength: 100 }).fail(cut, "truncated", 40);
    const resume = { request: { rangeStart: 40 }, response: { status: 503 } };
    const refused = [1, 2].map(() => story.exchange(CONTAINERD_1, `GET ${blob("a")}`, resume));
    const pulls = story.finished();
    assert.ok(pulls.find(({ transfers }) => transfers.includes(owner))?.transfers.includes(refused[0]!));
    assert.ok(pulls.find(({ transfers }) => transfers.includes(waiting))?.transfers.includes(refused[1]!));
    assert.deepEqual(
      pulls.map(({ cause }) => cause),
      ["upstream_5xx", "upstream_5xx"],
    );
  });

  test("never begins a pull: a layer read lazily long after", () => {
    const story = new Story();
    containerdPull(story, ["a"]);
    story.wait(60_000);
    story.exchange(CONTAINERD_2, `GET ${blob("a")}`, { request: { rangeStart: 10 } });
    assert.equal(story.finished().length, 1);
    assert.deepEqual(story.unassigned(), ["no_pull"]);
  });

  test("of a daemon that has a manifest nobody saw goes to the pull that waits", () => {
    const story = new Story();
    const head = story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    const layer = story.exchange(CONTAINERD_2, `GET ${blob("a")}`, {
      request: { accept: "application/vnd.oci.image.layer.v1.tar+gzip, */*" },
    });
    assert.ok(ownerOf(story, layer).includes(head));
    assert.equal(story.finished()[0]?.onDisk, false);
  });
});

suite("pings", () => {
  test("the ping on the same connection begins the pull", () => {
    const story = new Story();
    story.exchange(PODMAN_5, "GET /v2/");
    const connection = story.connect();
    story.nowMs += 100;
    const startMs = story.nowMs;
    story.exchange(PODMAN_5, "GET /v2/", { request: { connection } });
    story.exchange(PODMAN_5, `GET ${manifest("v1")}`, { request: { connection }, response: { manifest: ROOT } });
    assert.equal(story.finished()[0]?.startMs, startMs);
  });

  test("of several answered just now the oldest is claimed first", () => {
    const story = new Story();
    const startMs = story.nowMs;
    story.exchange(PODMAN_4, "GET /v2/");
    story.nowMs += 100;
    story.exchange(PODMAN_4, "GET /v2/");
    story.exchange(PODMAN_4, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    assert.equal(story.finished()[0]?.startMs, startMs);
  });

  test("one of a process that died does not shift the starts of the others", () => {
    const story = new Story();
    story.exchange(PODMAN_4, "GET /v2/");
    story.wait(2_000);
    const startMs = story.nowMs;
    story.exchange(PODMAN_4, "GET /v2/");
    story.exchange(PODMAN_4, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    assert.equal(story.finished()[0]?.startMs, startMs);
    assert.deepEqual(story.unassigned(), ["unclaimed_ping"]);
  });

  test("a client that is slow lately is given more time", () => {
    const story = new Story();
    const startMs: number[] = [];
    for (let round = 0; round < 2; round += 1) {
      startMs.push(story.nowMs);
      story.exchange(PODMAN_4, "GET /v2/");
      story.wait(450);
      if (round === 1) story.exchange(PODMAN_4, "GET /v2/");
      if (round === 1) story.wait(450);
      story.exchange(PODMAN_4, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    }
    assert.deepEqual(
      story.finished().map((pull) => pull.startMs),
      startMs,
    );
  });

  test("closing its connection withdraws the ping of a client that keeps connections", () => {
    const story = new Story();
    const connection = story.connect();
    story.exchange(PODMAN_5, "GET /v2/", { request: { connection } });
    story.close(connection);
    const startMs = story.nowMs;
    story.exchange(PODMAN_5, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    assert.equal(story.finished()[0]?.startMs, startMs);
    assert.deepEqual(story.unassigned(), ["unclaimed_ping"]);
  });

  test("one that failed announces nothing", () => {
    const story = new Story();
    const ping = story.start(PODMAN_4, "GET /v2/");
    story.fail(ping, "connect");
    assert.deepEqual(story.unassigned(), ["unclaimed_ping"]);
    assert.equal(story.finished().length, 0);
  });
});

suite("never a pull", () => {
  test("what is pushed", () => {
    const story = new Story();
    const pusher = "my-pusher/1.0";
    story.exchange(pusher, "POST /v2/lib/app/blobs/uploads/", { response: { status: 202 } });
    story.exchange(pusher, `HEAD ${blob("a")}`, { response: { status: 404 } });
    story.exchange(pusher, `HEAD ${manifest("v1")}`, { response: { status: 404 } });
    story.exchange(pusher, `PUT ${manifest("v1")}`, { response: { status: 201 } });
    assert.equal(story.finished().length, 0);
    assert.deepEqual(new Set(story.unassigned()), new Set(["push"]));
  });

  test("a push of a while ago does not hide a pull", () => {
    const story = new Story();
    story.exchange("my-client/1.0", `PUT ${manifest("v1")}`, { response: { status: 201 } });
    story.wait(15_000);
    story.exchange("my-client/1.0", `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    assert.equal(story.finished().length, 1);
  });

  test("a signature, but it belongs to the pull that it is read for", () => {
    const story = new Story();
    const tag = `sha256-${"a".repeat(64)}.sig`;
    story.exchange(PODMAN_5, `GET ${manifest(tag)}`, { response: { status: 404 } });
    assert.deepEqual(story.unassigned(), ["side_lookup"]);
    const connection = podmanStart(story, []);
    const signature = story.exchange(PODMAN_5, `GET ${manifest(tag)}`, { response: { status: 404 } });
    story.close(connection);
    const [pull, ...others] = story.finished();
    assert.deepEqual([pull?.status, others.length], ["ok", 0]);
    assert.ok(pull?.transfers.includes(signature));
  });

  test("referrers, attestations and bundles that Docker reads beside an image", () => {
    const story = new Story();
    const userAgent = "docker/29.1.0 go/go1.25 containerd-client/2.2.0 storage-driver/overlayfs";
    const root = ["i", index("m", "attestation")] as const;
    story.exchange(userAgent, `HEAD ${manifest("v1")}`, { response: { manifest: root } });
    const connection = story.connect();
    const get = (line: string, response = {}): number =>
      story.exchange(userAgent, `GET ${line}`, { request: { connection }, response });
    get(byDigest("i"), { manifest: root });
    get(byDigest("m"), { manifest: ROOT });
    get(byDigest("attestation"), {
      manifest: [
        "attestation",
        {
          ...image("attestation config"),
          layers: [{ mediaType: "application/vnd.in-toto+json", digest: digest("statement"), size: 100 }],
        },
      ],
    });
    story.exchange(userAgent, `GET /v2/lib/app/referrers/${digest("m")}`, { response: { status: 404 } });
    get(blob("statement"));
    get(blob("c"));
    const [pull, ...others] = story.finished();
    assert.equal(others.length, 0);
    assert.deepEqual([pull?.status, pull?.layersRequested, pull?.onDisk], ["ok", 0, true]);
  });

  test("looking at an image with a tool, unless a layer follows", () => {
    const story = new Story();
    const look = (layers: readonly string[]): void => {
      const request = { connection: story.connect() };
      story.exchange("skopeo/1.20.0", "GET /v2/", { request });
      story.exchange("skopeo/1.20.0", `GET ${manifest("v1")}`, { request, response: { manifest: ROOT } });
      for (const name of ["c", ...layers]) story.exchange("skopeo/1.20.0", `GET ${blob(name)}`, { request });
      story.close(request.connection);
    };
    look([]);
    assert.equal(story.finished().length, 0);
    assert.deepEqual(story.unassigned(), ["inspection"]);
    look(["a"]);
    assert.deepEqual(
      story.finished().map(({ client, layersRequested }) => [client.family, layersRequested]),
      [["skopeo", 1]],
    );
    const started = story.events.filter(({ type }) => type === "pull-started");
    assert.equal(started.length, 1);
  });

  test("tags, catalogs and paths that mean nothing", () => {
    const story = new Story();
    for (const path of ["/v2/lib/app/tags/list", "/v2/_catalog", "/v1/_ping"]) story.exchange(PODMAN_4, `GET ${path}`);
    assert.deepEqual(story.unassigned(), ["other", "other", "other"]);
    assert.equal(story.finished().length, 0);
  });
});
