import assert from "node:assert/strict";
import { test } from "node:test";
import { strongerAuth, type AuthKind, type CredentialEvidence } from "../../../src/pull/credentials.ts";
import { blob, byDigest, CONTAINERD_2, containerdPull, image, manifest, Story } from "../../support/pull-story.ts";

// What a finished pull tells beside the value of its observation.

test("a request never weakens what another one of the pull has proved", () => {
  const best: ReadonlyArray<readonly [CredentialEvidence[], AuthKind]> = [
    [[], "none"],
    [["none", "anonymous_basic"], "none"],
    [["anonymous_bearer", "none"], "bearer_anonymous"],
    [["anonymous_bearer", "opaque_bearer", "anonymous_bearer"], "opaque"],
    [["basic", "opaque_bearer"], "basic"],
    [["none", "bearer", "basic", "anonymous_bearer"], "bearer"],
  ];
  for (const [evidence, expected] of best) {
    let kind: AuthKind = "none";
    for (const one of evidence) kind = strongerAuth(kind, one);
    assert.equal(kind, expected, evidence.join(", "));
  }
});

test("a pull has the kind of its best request", () => {
  const story = new Story();
  const root = ["m", image("c")] as const;
  story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: root } });
  story.exchange(CONTAINERD_2, `GET ${byDigest("m")}`, {
    request: { credentials: "opaque_bearer" },
    response: { manifest: root },
  });
  assert.equal(story.finished()[0]?.auth, "opaque");
});

test("bytes on disk are those of layers that were not asked for; what the manifest lists twice is there once", () => {
  const story = new Story();
  const root = ["m", image("c", "a", "empty", "b", "empty", "d")] as const;
  story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: root } });
  story.exchange(CONTAINERD_2, `GET ${byDigest("m")}`, { response: { manifest: root } });
  for (const name of ["c", "b"]) story.exchange(CONTAINERD_2, `GET ${blob(name)}`);
  const [pull] = story.finished();
  // a, empty, d: 100 bytes each.
  assert.deepEqual([pull?.layersOnDisk, pull?.bytesOnDisk], [4, 300]);
});

test("a pull whose manifest nobody saw tells of no bytes on disk, one that asked for all of 0", () => {
  const unseen = new Story();
  unseen.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { status: 200 } });
  assert.equal(unseen.finished()[0]?.bytesOnDisk, undefined);
  const whole = new Story();
  containerdPull(whole, ["a", "b"]);
  assert.equal(whole.finished()[0]?.bytesOnDisk, 0);
});

test("the limit that a registry told last is the pull's", () => {
  const story = new Story();
  const root = ["m", image("c")] as const;
  const [before, last] = [9, 8].map((remaining) => ({
    limit: 100,
    remaining,
    windowSeconds: 21_600,
    source: "0a1b2c3d",
  }));
  assert.ok(before && last);
  story.exchange(CONTAINERD_2, `HEAD ${manifest("v1")}`, { response: { manifest: root, rateLimit: before } });
  story.exchange(CONTAINERD_2, `GET ${byDigest("m")}`, { response: { manifest: root, rateLimit: last } });
  story.exchange(CONTAINERD_2, `GET ${blob("c")}`);
  assert.deepEqual(story.finished()[0]?.rateLimit, last);
});
