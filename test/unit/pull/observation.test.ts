import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { statusOfCause, type Failure } from "../../../src/pull/outcome.ts";
import {
  blob,
  byDigest,
  CONTAINERD_1,
  CONTAINERD_2,
  containerdPull,
  digest,
  DOCKER,
  image,
  manifest,
  PODMAN_4,
  PODMAN_5,
  podmanStart,
  Story,
} from "../../support/pull-story.ts";

const ROOT = ["m", image("c", "a")] as const;

suite("when a pull is over", () => {
  test("a daemon's after 2 s of silence", () => {
    const story = new Story();
    containerdPull(story, ["a"]);
    const lastMs = story.nowMs;
    story.wait(1_900);
    assert.equal(story.decided().length, 0);
    story.wait(200);
    const [pull] = story.decided();
    assert.deepEqual([pull?.endRule, pull?.endMs], ["settled", lastMs]);
  });

  test("that of a process with a connection per request after 5 s", () => {
    const story = new Story();
    story.exchange(PODMAN_4, "GET /v2/");
    story.exchange(PODMAN_4, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.wait(4_800);
    assert.equal(story.decided().length, 0);
    story.wait(400);
    assert.equal(story.decided()[0]?.endRule, "settled");
  });

  test("that of a process that holds its connections when it closes the last one", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    const second = story.connect();
    story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection: second } });
    const lastMs = story.nowMs;
    story.close(second).wait(10_000);
    assert.equal(story.decided().length, 0);
    const closedMs = story.nowMs;
    const [pull] = story.close(connection).decided();
    assert.deepEqual([pull?.endRule, pull?.endMs, pull?.lastCloseMs], ["connections_closed", lastMs, closedMs]);
  });

  test("30 s is the net for a close that is never seen", () => {
    const story = new Story();
    podmanStart(story, ["a"]);
    story.wait(29_500);
    assert.equal(story.decided().length, 0);
    story.wait(1_000);
    assert.equal(story.decided()[0]?.endRule, "settled");
  });

  test("a request that is open keeps it alive", () => {
    const story = new Story();
    containerdPull(story, []);
    const slow = story.start(CONTAINERD_2, `GET ${blob("c")}`);
    story.wait(600_000);
    assert.equal(story.decided().length, 0);
    story.respond(slow).finish(slow).wait(3_000);
    assert.equal(story.decided().length, 1);
  });

  test("a daemon's waits while another pull reads a blob that it needs", () => {
    const story = new Story();
    const connection = containerdPull(story, []);
    const root = ["n", image("d", "a")] as const;
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v2")}`, { response: { manifest: root } });
    story.exchange(CONTAINERD_1, `GET ${byDigest("n")}`, { response: { manifest: root } });
    const layer = story.start(CONTAINERD_1, `GET ${blob("a")}`);
    story.respond(layer);
    story.exchange(CONTAINERD_1, "HEAD /v2/lib/copy/manifests/v1", { response: { manifest: root } });
    story.wait(60_000);
    assert.deepEqual(
      story.decided().map(({ repository }) => repository),
      ["lib/app"],
    );
    const endMs = story.nowMs;
    story.finish(layer).close(connection);
    const joined = story.finished().find(({ repository }) => repository === "lib/copy");
    assert.deepEqual([joined?.joined, joined?.onDisk, joined?.endMs], [true, false, endMs]);
    assert.ok(joined?.ownEndMs !== undefined && joined.ownEndMs < endMs);
  });

  test("what arrived once does not hold it when another pull reads it again", () => {
    const story = new Story();
    const root = ["n", image("d", "a")] as const;
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: root } });
    story.exchange(CONTAINERD_1, `GET ${byDigest("n")}`, { response: { manifest: root } });
    const layer = story.start(CONTAINERD_1, `GET ${blob("a")}`);
    story.respond(layer);
    const joined = story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: root } });
    const arrivedMs = (story.nowMs += 100);
    story.finish(layer).wait(1_000);
    containerdPull(story, [], CONTAINERD_1);
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v3")}`, { response: { manifest: root } });
    story.exchange(CONTAINERD_1, `GET ${byDigest("n")}`, { response: { manifest: root } });
    story.exchange(CONTAINERD_1, `GET ${blob("a")}`);
    const pull = story.finished().find(({ transfers }) => transfers.includes(joined));
    assert.deepEqual([pull?.joined, pull?.endMs], [true, arrivedMs]);
  });

  test("but no longer than 15 minutes", () => {
    const story = new Story();
    const root = ["n", image("d", "a")] as const;
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v2")}`, { response: { manifest: root } });
    story.exchange(CONTAINERD_1, `GET ${byDigest("n")}`, { response: { manifest: root } });
    story.respond(story.start(CONTAINERD_1, `GET ${blob("a")}`));
    story.exchange(CONTAINERD_1, "HEAD /v2/lib/copy/manifests/v1", { response: { manifest: root } });
    story.wait(14 * 60_000);
    assert.equal(story.decided().length, 0);
    story.wait(2 * 60_000);
    assert.deepEqual(
      story.decided().map(({ endRule }) => endRule),
      ["capped"],
    );
  });

  test("a failed blob ends the pull of a process with a connection per request within a second", () => {
    const story = new Story();
    story.exchange(PODMAN_4, "GET /v2/");
    story.exchange(PODMAN_4, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.exchange(PODMAN_4, `GET ${blob("c")}`, { response: { status: 503 } });
    story.wait(1_100);
    assert.deepEqual(
      story.decided().map(({ endRule, cause }) => [endRule, cause]),
      [["failed", "upstream_5xx"]],
    );
  });

  for (const status of [404, 502, 503, 504]) {
    test(`a blob answered ${status} may begin the whole pull again for 8 s`, () => {
      const story = new Story();
      const connection = podmanStart(story, ["a"]);
      story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection }, response: { status } });
      story.close(connection).wait(7_700);
      assert.equal(story.decided().length, 0);
      story.wait(600);
      assert.equal(story.decided().length, 1);
    });
  }

  test("the 8 s begin anew with each attempt, however long it took to fail", () => {
    const story = new Story();
    const first = podmanStart(story, ["a"]);
    story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection: first }, response: { status: 503 } });
    story.close(first).wait(1_200);
    const second = podmanStart(story, ["a"]);
    const slow = story.start(PODMAN_5, `GET ${blob("a")}`, { connection: second });
    story.wait(20_000).respond(slow, { status: 504 }).finish(slow, { bytes: 10 }).wait(0);
    assert.equal(story.decided().length, 0);
    story.close(second).wait(1_200);
    const third = podmanStart(story, ["a"]);
    story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection: third } });
    story.close(third);
    assert.deepEqual(
      story.finished().map(({ cause, attempts }) => [cause, attempts]),
      [["none", 3]],
    );
  });

  test("a blob answered 500 is the end as soon as the process closes its connections", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection }, response: { status: 500 } });
    story.close(connection).wait(0);
    assert.equal(story.decided().length, 1);
  });

  test("a client that leaves at the sight of an error's status was told why", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    const refused = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
    story.respond(refused, { status: 500, contentLength: 90 }).fail(refused, "client_aborted", 90);
    story.close(connection).wait(0);
    assert.deepEqual(
      story.decided().map(({ cause }) => cause),
      ["upstream_5xx"],
    );
  });

  test("a cut is waited for 2.5 s, and goes on with the rest", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    const cut = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
    story.respond(cut, { contentLength: 100 }).fail(cut, "truncated", 40).close(connection).wait(1_100);
    const second = story.connect();
    story.exchange(PODMAN_5, `GET ${blob("a")}`, {
      request: { connection: second, rangeStart: 40 },
      response: { status: 206, contentRange: { start: 40, end: 99, size: 100 }, bytes: 60 },
    });
    story.close(second).wait(500);
    assert.deepEqual(
      story.decided().map(({ cause, attempts, blobs }) => [cause, attempts, blobs.at(-1)?.deliveredBytes]),
      [["none", 1, 100]],
    );
  });

  test("a body that is cut behind its last byte failed: its head promised more than the manifest lists", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    const cut = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
    story.respond(cut, { contentLength: 117 }).fail(cut, "truncated", 100).close(connection).wait(2_500);
    assert.deepEqual(
      story.decided().map(({ cause, blobs }) => [cause, blobs.at(-1)?.done]),
      [["truncated", false]],
    );
  });

  test("a resume that is cut again after less than 1 MiB is the end at once", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    const cut = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
    story.respond(cut, { contentLength: 100 }).fail(cut, "truncated", 40).wait(1_100);
    const again = story.start(PODMAN_5, `GET ${blob("a")}`, { connection, rangeStart: 40 });
    story.respond(again, { status: 206, contentRange: { start: 40, end: 99, size: 100 } }).fail(again, "truncated", 9);
    story.close(connection).wait(0);
    assert.deepEqual(
      story.decided().map(({ cause, blobs }) => [cause, blobs.at(-1)?.deliveredBytes]),
      [["truncated", 49]],
    );
  });

  test("a resume that is cut again after 1 MiB is resumed once more", () => {
    const story = new Story();
    const connection = story.connect();
    const size = 3 * 1024 * 1024;
    const small = image("c", "a");
    const large = { ...small, layers: small.layers.map((layer) => ({ ...layer, size })) };
    story.exchange(PODMAN_5, "GET /v2/", { request: { connection } });
    story.exchange(PODMAN_5, `GET ${manifest("v1")}`, {
      request: { connection },
      response: { manifest: ["m", large] },
    });
    story.exchange(PODMAN_5, `GET ${blob("c")}`, { request: { connection } });
    const cut = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
    story.respond(cut, { contentLength: size }).fail(cut, "truncated", 40).wait(1_100);
    const again = story.start(PODMAN_5, `GET ${blob("a")}`, { connection, rangeStart: 40 });
    const contentRange = { start: 40, end: size - 1, size };
    story.respond(again, { status: 206, contentRange }).fail(again, "truncated", 1024 * 1024);
    story.close(connection).wait(2_400);
    assert.equal(story.decided().length, 0);
    story.wait(100);
    assert.equal(story.decided().length, 1);
  });

  test("Docker repeats a failed layer after up to 20 s", () => {
    const story = new Story();
    story.exchange(DOCKER, "GET /v2/");
    story.exchange(DOCKER, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.exchange(DOCKER, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    const cut = story.start(DOCKER, `GET ${blob("a")}`);
    story.respond(cut, { contentLength: 100 }).fail(cut, "truncated", 40).wait(20_000);
    story.exchange(DOCKER, `GET ${blob("a")}`, {
      request: { rangeStart: 40 },
      response: { status: 206, contentRange: { start: 40, end: 99, size: 100 }, bytes: 60 },
    });
    assert.deepEqual(
      story.finished().map(({ cause }) => cause),
      ["none"],
    );
  });

  test("a rate limit is waited for as long as the registry asks", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    story.exchange(PODMAN_5, `GET ${blob("a")}`, {
      request: { connection },
      response: { status: 429, retryAfterSeconds: 40 },
    });
    story.close(connection).wait(39_000);
    assert.equal(story.decided().length, 0);
    story.wait(7_000);
    assert.equal(story.decided()[0]?.cause, "rate_limited");
  });
});

suite("clock of a pull", () => {
  test("runs from the ping to the last byte, not to the decision", () => {
    const story = new Story();
    const startMs = story.nowMs;
    const connection = podmanStart(story, ["a"]);
    const endMs = story.nowMs;
    story.wait(5_000).close(connection);
    const [pull] = story.finished();
    assert.deepEqual([pull?.startMs, pull?.endMs], [startMs, endMs]);
  });

  test("ids sort by start and differ", () => {
    const story = new Story();
    for (let times = 0; times < 3; times += 1) {
      story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    }
    const pulls = story.finished();
    assert.deepEqual(
      pulls.map(({ startMs }) => startMs),
      pulls.map(({ startMs }) => startMs).toSorted((left, right) => left - right),
    );
    assert.equal(new Set(pulls.map(({ id }) => id)).size, 3);
  });
});

suite("blobs", () => {
  test("parallel ranges that the client aborts cover a layer between them", () => {
    const story = new Story();
    const connection = containerdPull(story, []);
    const root = ["n", image("d", "big")] as const;
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v2")}`, { response: { manifest: root } });
    story.exchange(CONTAINERD_2, `GET ${byDigest("n")}`, { response: { manifest: root } });
    const chunks = [0, 30, 60].map((start) => {
      const chunk = story.start(CONTAINERD_2, `GET ${blob("big")}`, { rangeStart: start });
      story.respond(chunk, { status: 206, contentRange: { start, end: 99, size: 100 } });
      return chunk;
    });
    story.fail(chunks[0]!, "client_aborted", 32);
    story.fail(chunks[1]!, "client_aborted", 30);
    story.finish(chunks[2]!, { bytes: 40 }).close(connection);
    const pull = story.finished().find(({ reference }) => reference === "v2");
    assert.deepEqual([pull?.status, pull?.blobs.at(-1)?.done, pull?.blobs.at(-1)?.requests], ["ok", true, 3]);
  });

  test("a layer that misses a part is not done", () => {
    const story = new Story();
    containerdPull(story, []);
    const root = ["n", image("d", "big")] as const;
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v2")}`, { response: { manifest: root } });
    story.exchange(CONTAINERD_2, `GET ${byDigest("n")}`, { response: { manifest: root } });
    const chunk = story.start(CONTAINERD_2, `GET ${blob("big")}`);
    story.respond(chunk, { contentLength: 100 }).fail(chunk, "client_aborted", 99);
    const pull = story.finished().find(({ reference }) => reference === "v2");
    assert.deepEqual([pull?.cause, pull?.status], ["client_aborted", "canceled"]);
  });

  test("a redirect that the client follows itself is no failure", () => {
    const story = new Story();
    const connection = containerdPull(story, []);
    story.exchange(CONTAINERD_2, `GET ${blob("a")}`, { request: { connection }, response: { status: 307, bytes: 0 } });
    assert.equal(story.finished()[0]?.cause, "none");
  });

  test("what was asked of the layers, and what was left on disk, is counted", () => {
    const story = new Story();
    const root = ["m", image("c", "a", "b", "d")] as const;
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: root } });
    story.exchange(CONTAINERD_2, `GET ${byDigest("m")}`, { response: { manifest: root } });
    for (const name of ["c", "b"]) story.exchange(CONTAINERD_2, `GET ${blob(name)}`);
    const [pull] = story.finished();
    assert.deepEqual([pull?.layersRequested, pull?.layersOnDisk, pull?.bytes], [1, 2, 300]);
    assert.deepEqual(
      pull?.blobs.map(({ role }) => role),
      ["manifest", "manifest", "config", "layer"],
    );
    assert.equal(pull?.rootDigest, digest("m"));
  });

  test("a manifest is what its bytes are, whatever its head says", () => {
    const story = new Story();
    const response = { manifest: ROOT, dockerContentDigest: digest("other") };
    story.exchange(PODMAN_5, `GET ${manifest("v1")}`, { response });
    assert.equal(story.finished()[0]?.rootDigest, digest("m"));
  });
});

suite("on disk", () => {
  test("HEAD only", () => {
    const story = new Story();
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    assert.deepEqual(
      story.finished().map(({ onDisk, onDiskKind }) => [onDisk, onDiskKind]),
      [[true, "head_only"]],
    );
  });

  test("ping and HEAD", () => {
    const story = new Story();
    story.exchange(DOCKER, "GET /v2/");
    story.exchange(DOCKER, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    assert.equal(story.finished()[0]?.onDiskKind, "ping_head");
  });

  test("manifest only", () => {
    const story = new Story();
    story.exchange(PODMAN_4, "GET /v2/");
    story.exchange(PODMAN_4, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
    assert.equal(story.finished()[0]?.onDiskKind, "manifest_only");
  });

  test("manifest and config", () => {
    const story = new Story();
    story.close(podmanStart(story, ["a"]));
    assert.equal(story.finished()[0]?.onDiskKind, "config_only");
  });

  test("not a failed pull", () => {
    const story = new Story();
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { status: 404 } });
    const [pull] = story.finished();
    assert.deepEqual([pull?.onDisk, pull?.onDiskKind], [false, undefined]);
  });

  test("not a pull that waits for a twin's download", () => {
    const story = new Story();
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    const connection = story.connect();
    story.exchange(CONTAINERD_2, `GET ${byDigest("m")}`, { request: { connection }, response: { manifest: ROOT } });
    for (const name of ["c", "a"]) story.exchange(CONTAINERD_2, `GET ${blob(name)}`, { request: { connection } });
    assert.deepEqual(
      story.finished().map(({ onDisk, joined, layersRequested }) => [onDisk, joined, layersRequested]),
      [
        [false, false, 1],
        [false, true, 0],
      ],
    );
  });

  test("a blob that failed here is not being fetched: nobody joins it", () => {
    const story = new Story();
    containerdPull(story, []);
    const root = ["n", image("d", "a")] as const;
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v2")}`, { response: { manifest: root } });
    story.exchange(CONTAINERD_1, `GET ${byDigest("n")}`, { response: { manifest: root } });
    const failing = story.start(CONTAINERD_1, `GET ${blob("a")}`);
    story.respond(failing, { status: 503 });
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v2")}`, { response: { manifest: root } });
    story.finish(failing);
    assert.equal(story.finished().at(-1)?.joined, false);
  });

  test("not a process whose layers another process stored after it began", () => {
    const story = new Story();
    const early = story.connect();
    story.exchange(PODMAN_5, "GET /v2/", { request: { connection: early } });
    const other = podmanStart(story, ["a"]);
    story.exchange(PODMAN_5, `GET ${blob("a")}`, { request: { connection: other } });
    story.close(other);
    story.exchange(PODMAN_5, `GET ${manifest("v1")}`, { request: { connection: early }, response: { manifest: ROOT } });
    story.exchange(PODMAN_5, `GET ${blob("c")}`, { request: { connection: early } });
    story.close(early);
    story.close(podmanStart(story, ["a"]));
    assert.deepEqual(
      story.finished().map(({ onDisk, layersRequested }) => [onDisk, layersRequested]),
      [
        [false, 0],
        [false, 1],
        [true, 0],
      ],
    );
  });
});

suite("credentials", () => {
  for (const [credentials, hasCreds, opaqueToken] of [
    ["none", false, false],
    ["anonymous_basic", false, false],
    ["basic", true, false],
    ["anonymous_bearer", false, false],
    ["bearer", true, false],
    ["opaque_bearer", false, true],
  ] as const) {
    test(`${credentials} counts as ${hasCreds ? "credentials" : "none"}`, () => {
      const story = new Story();
      story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, {
        request: { credentials },
        response: { manifest: ROOT },
      });
      const [pull] = story.finished();
      assert.deepEqual([pull?.hasCreds, pull?.opaqueToken], [hasCreds, opaqueToken]);
    });
  }

  test("a challenge decides nothing", () => {
    const story = new Story();
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { status: 401 } });
    const [pull] = story.finished();
    assert.deepEqual([pull?.hasCreds, pull?.cause], [false, "unauthorized"]);
  });
});

suite("cause", () => {
  for (const [status, cause] of [
    [400, "bad_request"],
    [401, "unauthorized"],
    [403, "denied"],
    [404, "not_found"],
    [429, "rate_limited"],
    [500, "upstream_5xx"],
  ] as const) {
    test(`${status} of the reference is ${cause}`, () => {
      const story = new Story();
      story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { status } });
      const [pull] = story.finished();
      assert.deepEqual([pull?.cause, pull?.status], [cause, statusOfCause(cause)]);
    });
  }

  const failures: readonly Failure[] = [
    "refused",
    "dns",
    "connect",
    "tls",
    "header_timeout",
    "stalled",
    "truncated",
    "digest_mismatch",
    "proxy",
  ];
  for (const failure of failures) {
    test(`an answer that the proxy made because of ${failure} names it`, () => {
      const story = new Story();
      story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { status: 502, failure } });
      assert.deepEqual(
        story.finished().map(({ cause }) => cause),
        [failure],
      );
    });
  }

  test("a failed resolve is made good by any manifest that follows", () => {
    const story = new Story();
    story.exchange(CONTAINERD_1, `HEAD ${manifest("v1")}`, { response: { status: 500 } });
    story.exchange(CONTAINERD_1, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
    assert.equal(story.finished()[0]?.cause, "none");
  });

  test("a blob that failed is made good by its own success only", () => {
    const story = new Story();
    const connection = containerdPull(story, []);
    const get = (name: string, status: number): number =>
      story.exchange(CONTAINERD_2, `GET ${blob(name)}`, { request: { connection }, response: { status } });
    get("a", 429);
    get("a", 200);
    get("b", 500);
    get("d", 200);
    assert.equal(story.finished()[0]?.cause, "upstream_5xx");
  });

  test("downloads that the client aborts after a failure are its consequence", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a", "b"]);
    const running = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
    story.respond(running, { contentLength: 100 });
    story.exchange(PODMAN_5, `GET ${blob("b")}`, { response: { status: 500 } });
    story.fail(running, "client_aborted", 10);
    assert.equal(story.finished()[0]?.cause, "upstream_5xx");
  });

  test("416 to a resume is none", () => {
    const story = new Story();
    const connection = containerdPull(story, ["a"]);
    story.exchange(CONTAINERD_2, `GET ${blob("a")}`, {
      request: { connection, rangeStart: 100 },
      response: { status: 416 },
    });
    assert.equal(story.finished()[0]?.cause, "none");
  });

  test("404 of a blob that containerd looks for as a manifest is the missing manifest's", () => {
    const story = new Story();
    story.exchange(CONTAINERD_2, `HEAD ${byDigest("m")}`, { response: { status: 404 } });
    story.exchange(CONTAINERD_2, `HEAD ${blob("m")}`, { response: { status: 404 } });
    const [pull, ...others] = story.finished();
    assert.deepEqual([pull?.cause, pull?.transfers.length, others.length], ["not_found", 2, 0]);
  });
});

suite("labels", () => {
  test("isolation and trigger come from the request", () => {
    const story = new Story();
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, {
      request: { isolation: "firecracker", trigger: "warmup" },
      response: { manifest: ROOT },
    });
    const [pull] = story.finished();
    assert.deepEqual([pull?.isolation, pull?.trigger], ["firecracker", "warmup"]);
  });

  for (const [userAgent, family] of [
    [PODMAN_4, "podman"],
    ["Buildah/1.43.2", "buildah"],
    ["cri-o/1.37.0 go/go1.26.0 os/linux arch/amd64", "cri-o"],
    [CONTAINERD_1, "containerd"],
    [DOCKER, "docker"],
    ["docker/29.0.0 go/go1.25 containerd-client/2.2.0 storage-driver/overlayfs", "docker"],
    ["curl/8.10.1", "other"],
    ["", "other"],
  ] as const) {
    test(`without them ${userAgent || "no User-Agent"} is ${family}`, () => {
      const story = new Story();
      story.exchange(userAgent, `GET ${manifest("v1")}`, { response: { manifest: ROOT } });
      const [pull] = story.finished();
      assert.deepEqual([pull?.isolation, pull?.trigger], [family, "execution"]);
    });
  }
});
