import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { productOf, readBehaviour } from "../../../src/pull/client-behaviour.ts";
import { Coverage } from "../../../src/pull/coverage.ts";
import { Deadlines } from "../../../src/pull/deadlines.ts";
import { Deliveries } from "../../../src/pull/deliveries.ts";
import { ManifestCache } from "../../../src/pull/manifest-cache.ts";
import { MonotonicClock } from "../../../src/pull/monotonic-clock.ts";
import { Pace } from "../../../src/pull/pace.ts";
import { pullId } from "../../../src/pull/pull-id.ts";
import { weigh } from "../../../src/pull/weigh-manifest.ts";
import { digest, image } from "../../support/pull-story.ts";

suite("coverage", () => {
  test("covers a blob exactly when every byte arrived, in whatever pieces", () => {
    const piece = fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 20 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.nat({ max: 40 }), (pieces, size) => {
        const coverage = new Coverage();
        const bytes = new Set<number>();
        for (const [start, length] of pieces) {
          coverage.add(start, start + length);
          for (let at = start; at < start + length; at += 1) bytes.add(at);
        }
        let whole = true;
        for (let at = 0; at < size; at += 1) whole &&= bytes.has(at);
        assert.equal(coverage.covers(size), whole);
      }),
    );
  });

  test("of a blob in thousands of pieces only the first are remembered", () => {
    const coverage = new Coverage();
    for (let at = 0; at < 4_000; at += 2) coverage.add(at, at + 1);
    for (let at = 1; at < 4_000; at += 2) coverage.add(at, at + 1);
    assert.equal(coverage.covers(1_999), true);
    assert.equal(coverage.covers(4_000), false);
  });

  test("pieces that mean nothing add nothing", () => {
    const coverage = new Coverage();
    coverage.add(5, 5);
    coverage.add(9, 3);
    coverage.add(Number.NaN, 10);
    assert.equal(coverage.covers(1), false);
    assert.equal(coverage.covers(0), true);
  });
});

suite("deadlines", () => {
  test("give out what is due, earliest first, and keep the rest", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 100 })), fc.nat({ max: 100 }), (times, nowMs) => {
        const deadlines = new Deadlines<number>();
        for (const [item, time] of times.entries()) deadlines.bringForward(item, time);
        const due: number[] = [];
        for (let next = deadlines.pop(nowMs); next !== undefined; next = deadlines.pop(nowMs)) due.push(next.dueMs);
        const expected = times.filter((time) => time <= nowMs).toSorted((left, right) => left - right);
        assert.deepEqual(due, expected);
        assert.equal(deadlines.size, times.length - expected.length);
      }),
    );
  });

  test("hold each item once, at the earliest time told, and not at all once it is deleted", () => {
    const change = fc.tuple(fc.nat({ max: 9 }), fc.option(fc.nat({ max: 100 }), { nil: undefined }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const deadlines = new Deadlines<number>();
        const model = new Map<number, number>();
        for (const [item, time] of changes) {
          if (time === undefined) {
            deadlines.delete(item);
            model.delete(item);
          } else {
            deadlines.bringForward(item, time);
            model.set(item, Math.min(time, model.get(item) ?? time));
          }
          assert.equal(deadlines.size, model.size);
        }
        const times = [...model.values()].toSorted((left, right) => left - right);
        for (const time of times) {
          const next = deadlines.pop(Number.POSITIVE_INFINITY);
          assert.equal(next?.dueMs, time);
          assert.equal(model.get(next.item), time);
          model.delete(next.item);
        }
        assert.equal(deadlines.pop(Number.POSITIVE_INFINITY), undefined);
      }),
    );
  });
});

suite("manifest cache", () => {
  test("forgets what was used least lately", () => {
    const cache = new ManifestCache({ maxManifests: 2, maxManifestDescriptors: 1_000 });
    assert.equal(cache.set(digest("a"), image("c")), true);
    assert.equal(cache.set(digest("b"), image("c")), true);
    cache.get(digest("a"));
    assert.equal(cache.set(digest("c"), image("c")), false);
    assert.deepEqual(
      ["a", "b", "c"].map((name) => cache.get(digest(name)) !== undefined),
      [true, false, true],
    );
  });

  test("a manifest seen again takes no second place", () => {
    const cache = new ManifestCache({ maxManifests: 2, maxManifestDescriptors: 1_000 });
    for (const name of ["a", "b", "a", "b"]) assert.equal(cache.set(digest(name), image("c")), true);
  });

  test("holds only so many descriptors, in however many manifests", () => {
    const cache = new ManifestCache({ maxManifests: 1_000, maxManifestDescriptors: 9 });
    const weighsThree = image("c", "l");
    for (const name of ["a", "b", "c"]) assert.equal(cache.set(digest(name), weighsThree), true);
    assert.equal(cache.set(digest("d"), image("c", "l", "m", "n")), false);
    assert.deepEqual(
      ["a", "b", "c", "d"].map((name) => cache.get(digest(name)) !== undefined),
      [false, false, true, true],
    );
    assert.equal(cache.set(digest("d"), image("c")), true);
    assert.equal(cache.set(digest("a"), image("c", "l")), true, "what a manifest's place had before is free again");
  });

  test("long text in a descriptor takes the place of several", () => {
    const config = { mediaType: "x".repeat(10_000), digest: digest("c"), size: 1 };
    assert.equal(weigh({ kind: "manifest", config, layers: [] }), 41);
    assert.equal(weigh({ kind: "index", manifests: [config, config] }), 81);
    assert.equal(weigh(image("c", "a")), 3);
  });
});

suite("deliveries", () => {
  test("tell whether a layer first arrived within a time", () => {
    const deliveries = new Deliveries();
    deliveries.note(digest("a"), 10);
    deliveries.note(digest("a"), 20);
    assert.equal(deliveries.firstArrivedBetween(digest("a"), 5, 30), true);
    assert.equal(deliveries.firstArrivedBetween(digest("a"), 15, 30), false);
    assert.equal(deliveries.firstArrivedBetween(digest("b"), 0, 30), false);
  });

  test("are forgotten in the end", () => {
    const deliveries = new Deliveries();
    for (let at = 0; at < 3_000; at += 1) deliveries.note(digest(`layer ${at}`), 10);
    assert.equal(deliveries.firstArrivedBetween(digest("layer 0"), 0, 30), false);
    assert.equal(deliveries.firstArrivedBetween(digest("layer 2999"), 0, 30), true);
  });
});

suite("pace", () => {
  test("is three times the longest of the last delays, within bounds", () => {
    const pace = new Pace();
    assert.equal(pace.windowMs(600, 1_500), 600);
    pace.note(300);
    assert.equal(pace.windowMs(600, 1_500), 900);
    pace.note(2_000);
    assert.equal(pace.windowMs(600, 1_500), 1_500);
    for (let times = 0; times < 8; times += 1) pace.note(1);
    assert.equal(pace.windowMs(600, 1_500), 600);
  });

  test("is usual up to twice the longest of the last delays", () => {
    const pace = new Pace();
    assert.equal(pace.usualMs(20), 20);
    pace.note(30);
    pace.note(15);
    assert.equal(pace.usualMs(20), 60);
  });
});

suite("clock", () => {
  test("never goes back, and goes on after it was set back", () => {
    const clock = new MonotonicClock(2_000);
    assert.deepEqual(
      [10_000, 9_000, 11_000, 1_000, 1_500, Number.NaN, Infinity, 2_000].map((atMs) => clock.read(atMs)),
      [10_000, 10_000, 11_000, 11_000, 11_500, 11_500, 11_500, 12_000],
    );
  });
});

test("ids sort as their times do", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat({ max: 1_000_000 }), (first, second, count) => {
      const [left, right] = [pullId(first, count, ""), pullId(second, count, "")];
      assert.equal(Math.sign(first - second), left < right ? -1 : left > right ? 1 : 0);
    }),
  );
});

suite("clients", () => {
  for (const [userAgent, keepAlive, holds, afterFailedBlob] of [
    ["containers/5.24.3 (github.com/containers/image)", undefined, false, "ends"],
    ["containers/5.25.0 (github.com/containers/image)", undefined, true, "repeats_pull"],
    ["containers/5.9.0 (github.com/containers/image)", undefined, false, "ends"],
    ["containers/6.0.0 (github.com/containers/image)", undefined, true, "repeats_pull"],
    ["containers/devel (github.com/containers/image)", undefined, true, "repeats_pull"],
    ["containers/5.39.2 (github.com/containers/image)", false, false, "ends"],
    ["containers/5.23.1 (github.com/containers/image)", true, true, "repeats_pull"],
    ["Buildah/1.29.1", undefined, false, "ends"],
    ["Buildah/1.30.0", undefined, true, "repeats_pull"],
    ["cri-o/1.26.4 go/go1.19 os/linux arch/amd64", undefined, false, "ends"],
    ["cri-o/1.30.0 go/go1.22 os/linux arch/amd64", undefined, true, "repeats_pull"],
    ["containerd/1.7.28", undefined, false, "asks_upstream"],
    ["docker/20.10.24+dfsg1 go/go1.19.8", undefined, false, "repeats_later"],
    ["docker/29.0.0 go/go1.25 containerd-client/2.2.0 storage-driver/overlayfs", undefined, false, "asks_upstream"],
    ["curl/8.10.1", undefined, false, "asks_upstream"],
  ] as const) {
    test(`${userAgent}${keepAlive === undefined ? "" : `, keep-alive ${keepAlive}`}: ${afterFailedBlob}`, () => {
      const behaviour = readBehaviour(userAgent, keepAlive);
      assert.deepEqual([behaviour.holdsConnections, behaviour.afterFailedBlob], [holds, afterFailedBlob]);
    });
  }

  for (const [userAgent, limit] of [
    ["containerd/1.6.20~ds1", undefined],
    ["containerd/1.7.28", undefined],
    ["containerd/2.0.5", 3],
    ["containerd/v2.1.4", 3],
    ["containerd/10.0.0", 3],
    ["docker/28.5.2 go/go1.27 containerd-client/2.1.9 storage-driver/overlayfs", undefined],
  ] as const) {
    test(`${userAgent} has ${limit ?? "no"} downloads at once at most`, () => {
      assert.equal(readBehaviour(userAgent, undefined).downloadLimit, limit);
    });
  }

  test("the product tells programs apart, not what follows it", () => {
    assert.equal(productOf("docker/28.5.2 go/go1 UpstreamClient(Docker-Client/28)"), "docker/28.5.2");
    assert.equal(productOf(""), "");
  });
});
