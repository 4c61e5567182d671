import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { PullTracker } from "../../../src/pull/tracker.ts";
import {
  blob,
  byDigest,
  CONTAINERD_2,
  containerdPull,
  image,
  index,
  manifest,
  PODMAN_4,
  PODMAN_5,
  podmanStart,
  Story,
} from "../../support/pull-story.ts";

const ROOT = ["m", image("c", "a")] as const;

suite("every opened pull is observed once", () => {
  test("at the end of the process, with what is still open", () => {
    const story = new Story();
    containerdPull(story, []);
    story.respond(story.start(CONTAINERD_2, `GET ${blob("c")}`));
    story.tracker.flush(story.nowMs);
    story.tracker.flush(story.nowMs);
    assert.deepEqual(
      story.decided().map(({ endRule, cause }) => [endRule, cause]),
      [["flushed", "shutdown"]],
    );
  });

  test("at the end of the process, where it waits for its turn or has all that it needs", () => {
    const story = new Story();
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v2")}`, { response: { manifest: ["n", image("d", "b")] } });
    containerdPull(story, ["a"]);
    story.tracker.flush(story.nowMs);
    assert.deepEqual(
      story.decided().map(({ reference, cause, onDisk }) => [reference, cause, onDisk]),
      [
        ["v2", "shutdown", false],
        ["v1", "none", false],
      ],
    );
  });

  test("and until then it is under way, but for the time in which it has all that it needs", () => {
    const story = new Story();
    assert.equal(story.tracker.isAnyUnderWay(), false);
    const connection = containerdPull(story, []);
    const layer = story.start(CONTAINERD_2, `GET ${blob("c")}`, { connection });
    assert.equal(story.tracker.isAnyUnderWay(), true);
    story.respond(layer).finish(layer);
    assert.equal(story.tracker.isAnyUnderWay(), false);
    const { registry } = story.tracker.live()[0]!;
    assert.equal(story.tracker.isUnderWay(registry, "lib/app"), true);
    assert.equal(story.tracker.isUnderWay(registry, "lib/other"), false);
    story.wait(60_000);
    assert.equal(story.tracker.isUnderWay(registry, "lib/app"), false);
  });

  test("at once where it was turned away, which is nothing that is under way", () => {
    const story = new Story();
    const late = story.start(CONTAINERD_2, `HEAD ${manifest("v1")}`);
    const { registry } = story.tracker.live()[0]!;
    assert.equal(story.tracker.isUnderWay(registry, "lib/app"), true);
    story.respond(late, { status: 503, failure: "shutdown" }).finish(late);
    assert.equal(story.tracker.isUnderWay(registry, "lib/app"), false);
    assert.equal(story.tracker.isAnyUnderWay(), false);
    assert.deepEqual(
      story.finished().map(({ cause, status }) => [cause, status]),
      [["shutdown", "error"]],
    );
  });

  test("when the end of its last request is never reported but its connection closed", () => {
    const story = new Story();
    const connection = containerdPull(story, []);
    const lost = story.start(CONTAINERD_2, `GET ${blob("a")}`, { connection });
    story.respond(lost).close(connection).wait(8_000);
    assert.deepEqual(
      story.decided().map(({ cause }) => cause),
      ["client_aborted"],
    );
  });

  test("when its request was lost altogether", () => {
    const story = new Story();
    story.start(CONTAINERD_2, `HEAD ${manifest("v1")}`);
    story.wait(7 * 60 * 60 * 1000);
    assert.equal(story.decided().length, 1);
  });

  test("when there are too many", () => {
    const story = new Story({ maxPulls: 2 });
    for (let times = 0; times < 3; times += 1) story.start(CONTAINERD_2, `HEAD ${manifest("v1")}`);
    assert.deepEqual(story.bounds(), ["pulls"]);
    assert.deepEqual(
      story.decided().map(({ endRule, cause, status }) => [endRule, cause, status]),
      [["dropped", "proxy", "error"]],
    );
    assert.equal(story.finished().length, 3);
  });

  test("when there are too many clients", () => {
    const story = new Story({ maxClients: 2 });
    for (const remoteAddress of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) {
      story.start(CONTAINERD_2, `HEAD ${manifest("v1")}`, { remoteAddress });
    }
    assert.deepEqual(story.bounds(), ["clients"]);
    assert.equal(story.decided()[0]?.client.address, "10.0.0.1");
    assert.equal(story.finished().length, 3);
  });

  test("when clients that ask for nothing, or for what is refused, are too many: they are forgotten first", () => {
    const story = new Story({ maxClients: 3 });
    story.start(CONTAINERD_2, `HEAD ${manifest("v1")}`);
    for (let times = 0; times < 20; times += 1) {
      const request = { remoteAddress: `10.0.1.${times}` };
      story.start("curl/8", "GET /not-an-api", { ...request, connection: 1_000 + times });
      story.start("curl/8", `GET ${blob("x")}`, { ...request, connection: 2_000 + times });
      story.exchange("curl/8", `GET ${manifest("v9")}`, { request, response: { status: 403, failure: "refused" } });
    }
    assert.ok(story.bounds().every((bound) => bound === "clients"));
    assert.ok(story.bounds().length > 0);
    const dropped = story.decided().filter(({ endRule }) => endRule === "dropped");
    assert.ok(dropped.length > 0);
    assert.deepEqual(new Set(dropped.map(({ reference }) => reference)), new Set(["v9"]));
    assert.equal(story.finished().length, 21);
  });

  test("when there are too many clients, the one that was heard of least lately goes", () => {
    const story = new Story({ maxClients: 2 });
    for (const last of [1, 2, 1, 3]) {
      story.start(CONTAINERD_2, `HEAD ${manifest(`v${last}`)}`, { remoteAddress: `10.0.0.${last}` });
    }
    assert.deepEqual(story.bounds(), ["clients"]);
    assert.equal(story.decided()[0]?.client.address, "10.0.0.2");
  });

  test("when there are too many open transfers", () => {
    const story = new Story({ maxOpenTransfers: 2 });
    for (let times = 0; times < 3; times += 1) story.start(CONTAINERD_2, `HEAD ${manifest("v1")}`);
    assert.deepEqual(story.bounds(), ["transfers"]);
    assert.equal(story.finished().length, 3);
  });
});

suite("mistakes", () => {
  test("one about one event keeps no other of its millisecond from being seen", () => {
    const mistake = new Error("a mistake");
    const seen: string[] = [];
    const tracker = new PullTracker({
      report: ({ type }) => {
        seen.push(type);
        throw mistake;
      },
    });
    const story = new Story();
    const start = (transfer: number, atMs: number): void => {
      tracker.observe({
        type: "started",
        atMs,
        transfer,
        connection: transfer,
        listener: "main",
        remoteAddress: "10.0.0.1",
        registry: "reg.example",
        method: "GET",
        route: { kind: "catalog" },
        userAgent: "curl/8",
        accept: "*/*",
        credentials: "none",
        forwarded: false,
      });
    };
    for (const transfer of [1, 2, 3]) start(transfer, story.nowMs);
    assert.throws(() => start(4, story.nowMs + 5), mistake);
    assert.throws(() => tracker.advance(story.nowMs + 10), mistake);
    assert.equal(seen.length, 4);
  });
});

suite("bounds", () => {
  test("of blobs", () => {
    const story = new Story({ maxBlobsPerPull: 4 });
    const connection = containerdPull(story, ["a"]);
    for (const name of ["x", "y", "z"]) {
      story.exchange(CONTAINERD_2, `GET ${blob(name)}`, { request: { connection } });
    }
    assert.ok(story.bounds().includes("blobs"));
    assert.equal(story.finished()[0]?.blobs.length, 4);
  });

  test("of connections of one pull", () => {
    const story = new Story({ maxConnectionsPerPull: 2 });
    containerdPull(story, ["a"]);
    story.exchange(CONTAINERD_2, `GET ${blob("a")}`);
    assert.ok(story.bounds().includes("connections"));
    assert.equal(story.finished().length, 1);
  });

  test("of connections", () => {
    const story = new Story({ maxConnections: 2 });
    for (let times = 0; times < 3; times += 1) story.connect();
    assert.deepEqual(story.bounds(), ["connections"]);
  });

  test("of pings", () => {
    const story = new Story({ maxPings: 2 });
    for (let times = 0; times < 3; times += 1) story.exchange(PODMAN_4, "GET /v2/");
    assert.deepEqual(story.bounds(), ["pings"]);
    assert.deepEqual(story.unassigned(), ["unclaimed_ping"]);
  });

  test("of clients: who only sent a ping goes before who pulls, and the ping is unclaimed", () => {
    const story = new Story({ maxClients: 2 });
    story.start(CONTAINERD_2, `HEAD ${manifest("v1")}`);
    story.exchange(PODMAN_4, "GET /v2/", { request: { remoteAddress: "10.0.0.2" } });
    story.start(CONTAINERD_2, `HEAD ${manifest("v1")}`, { remoteAddress: "10.0.0.3" });
    assert.deepEqual(story.bounds(), ["clients"]);
    assert.deepEqual(story.unassigned(), ["unclaimed_ping"]);
    assert.equal(story.decided().length, 0);
  });

  test("of clients: requests that concern no pull make none", () => {
    const story = new Story({ maxClients: 1 });
    story.start(CONTAINERD_2, `HEAD ${manifest("v1")}`);
    for (const path of ["/v2/_catalog", "/v2/lib/app/tags/list", "/elsewhere"])
      story.start(`agent-${path}/1`, `GET ${path}`);
    assert.deepEqual(story.bounds(), []);
    assert.deepEqual(story.unassigned(), ["other", "other", "other"]);
    assert.equal(story.decided().length, 0);
  });

  test("of manifests", () => {
    const story = new Story({ maxManifests: 1 });
    for (const tag of ["v1", "v2"]) {
      story.exchange(PODMAN_4, `GET ${manifest(tag)}`, { response: { manifest: [tag, image("c")] } });
    }
    assert.deepEqual(story.bounds(), ["manifests"]);
  });

  test("a manifest that lists more than a pull may have is not remembered, and its pull is observed", () => {
    const story = new Story({ maxBlobsPerPull: 4, maxManifests: 1 });
    const layers = ["a", "b", "c", "d", "e"];
    for (const tag of ["v1", "v2"]) {
      const response = { manifest: [tag, image("config", ...layers)] } as const;
      story.exchange(PODMAN_4, `GET ${manifest(tag)}`, { response });
    }
    assert.deepEqual(story.bounds(), ["blobs", "blobs"], "nothing had to leave the memory of manifests");
    assert.deepEqual(
      story.finished().map(({ reference, cause, layersOnDisk }) => [reference, cause, layersOnDisk]),
      [
        ["v1", "none", undefined],
        ["v2", "none", undefined],
      ],
    );
  });

  test("of what the manifests of one pull list together, however often they list the same", () => {
    const story = new Story({ maxBlobsPerPull: 10 });
    const connection = story.connect();
    const children = ["m1", "m2", "m3"];
    const response = { manifest: ["i", index(...children)] } as const;
    story.exchange(PODMAN_5, `GET ${manifest("v1")}`, { request: { connection }, response });
    for (const child of children) {
      const options = { request: { connection }, response: { manifest: [child, image("c", "a")] } } as const;
      story.exchange(PODMAN_5, `GET ${byDigest(child)}`, options);
      story.exchange(PODMAN_5, `GET ${byDigest(child)}`, options);
    }
    assert.deepEqual(new Set(story.bounds()), new Set(["blobs"]));
    assert.equal(story.bounds().length, 2, "two children have their place, what is read again takes none");
    assert.equal(story.finished().length, 1);
  });

  test("of transfers kept for the log", () => {
    const story = new Story({ maxTransfersPerPull: 2 });
    containerdPull(story, ["a"]);
    assert.equal(story.finished()[0]?.transfers.length, 2);
  });
});

suite("events that should not be", () => {
  test("of unknown transfers and connections are ignored", () => {
    const story = new Story();
    story.respond(99).finish(99).fail(99, "proxy").close(99);
    assert.deepEqual(story.events, []);
  });

  test("a start that is told twice counts once", () => {
    const story = new Story();
    const head = story.start(CONTAINERD_2, `HEAD ${manifest("v1")}`);
    story.tracker.observe({
      type: "started",
      atMs: story.nowMs,
      transfer: head,
      connection: 1,
      listener: "main",
      remoteAddress: "10.0.0.1",
      registry: "reg.example",
      method: "HEAD",
      route: { kind: "manifest", repository: "lib/app", reference: "v1" },
      userAgent: CONTAINERD_2,
      accept: "",
      credentials: "none",
      forwarded: false,
    });
    assert.equal(story.finished().length, 1);
  });

  test("a clock that is set back by an hour stops nothing", () => {
    const story = new Story();
    containerdPull(story, ["a"]);
    story.nowMs -= 3_600_000;
    story.wait(3_000);
    assert.equal(story.decided().length, 1);
  });

  test("times that are no numbers are taken for the last one", () => {
    const story = new Story();
    story.nowMs = Number.NaN;
    story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: ROOT } });
    story.nowMs = 1_000;
    assert.deepEqual(
      story.finished().map(({ startMs, endMs }) => [startMs, endMs]),
      [[0, 0]],
    );
  });
});

suite("what can be watched", () => {
  test("live pulls are those that were announced and not observed", () => {
    const story = new Story();
    const connection = podmanStart(story, ["a"]);
    const layer = story.start(PODMAN_5, `GET ${blob("a")}`, { connection });
    assert.deepEqual(
      story.tracker.live().map(({ state, openTransfers, bytes, layersRequested }) => ({
        state,
        openTransfers,
        bytes,
        layersRequested,
      })),
      [{ state: "fetching", openTransfers: 1, bytes: 200, layersRequested: 1 }],
    );
    story.respond(layer).finish(layer).close(connection).wait(0);
    assert.deepEqual(story.tracker.live(), []);
  });

  test("each pull is announced when it begins, under the id of its observation", () => {
    const story = new Story();
    containerdPull(story, ["a"]);
    const started = story.events.filter((event) => event.type === "pull-started");
    assert.deepEqual(
      started.map(({ id }) => id),
      story.finished().map(({ id }) => id),
    );
  });

  test("a suffix makes ids of several processes differ", () => {
    const ids: string[] = [];
    const tracker = new PullTracker({
      report: (event) => event.type === "pull-started" && ids.push(event.id),
      idSuffix: "-node7",
    });
    tracker.observe({
      type: "started",
      atMs: 1,
      transfer: 1,
      connection: 1,
      listener: "main",
      remoteAddress: "10.0.0.1",
      registry: "reg.example",
      method: "HEAD",
      route: { kind: "manifest", repository: "lib/app", reference: "v1" },
      userAgent: CONTAINERD_2,
      accept: "",
      credentials: "none",
      forwarded: false,
    });
    tracker.advance(2);
    assert.match(ids[0] ?? "", /^\w+-node7$/);
  });
});

test("a tracker is at rest before the first event, and again when everything is decided and forgotten", () => {
  const story = new Story();
  assert.equal(story.tracker.isAtRest, true);
  const connection = containerdPull(story, []);
  assert.equal(story.tracker.isAtRest, false);
  const layer = story.start(CONTAINERD_2, `GET ${blob("c")}`, { connection });
  story.respond(layer).finish(layer);
  story.wait(600_000);
  assert.equal(story.decided().length, 1);
  assert.equal(story.tracker.isAtRest, true);
});

test("the cost of an event does not grow with live pulls of other clients or with finished pulls", () => {
  const tracker = new PullTracker({ report: () => {}, settings: { maxPulls: 100_000 } });
  const cost = (from: number, to: number): number => {
    const before = performance.now();
    for (let at = from; at < to; at += 1) {
      tracker.observe({
        type: "started",
        atMs: 1_000,
        transfer: at,
        connection: at,
        listener: "main",
        remoteAddress: `10.0.0.${at % 4_000}`,
        registry: "reg.example",
        method: "HEAD",
        route: { kind: "manifest", repository: `lib/app${at}`, reference: "v1" },
        userAgent: CONTAINERD_2,
        accept: "",
        credentials: "none",
        forwarded: false,
      });
    }
    return performance.now() - before;
  };
  cost(0, 4_000);
  const early = cost(4_000, 8_000);
  cost(8_000, 36_000);
  const late = cost(36_000, 40_000);
  // A scan of all live pulls would be ten times as long; other work on the machine may double it.
  assert.ok(late < 5 * early + 20, `${early.toFixed(1)} ms, then ${late.toFixed(1)} ms`);
});

test("a pull by digest is found by it", () => {
  const story = new Story();
  story.exchange(CONTAINERD_2, `HEAD ${byDigest("m")}`, { response: { manifest: ROOT } });
  story.exchange(CONTAINERD_2, `GET ${byDigest("m")}`, { response: { manifest: ROOT } });
  assert.equal(story.finished().length, 1);
});
