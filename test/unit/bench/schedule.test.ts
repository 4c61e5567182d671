import assert from "node:assert/strict";
import { test } from "node:test";
import { makeImages } from "../../../bench/truth/images.ts";
import { planSteps, type PlannedPull } from "../../../bench/truth/schedule.ts";

const SEED = 7;
const tags = makeImages(SEED);

function pullsOf(count: number, seed = SEED): PlannedPull[] {
  return planSteps(seed, count, tags).flatMap((step) => (step.kind === "pull" ? step.pulls : []));
}

function digestsOf(seed: number): string[] {
  return makeImages(seed).flatMap(({ roots }) => roots.map(({ digest }) => digest));
}

test("the same seed gives the same images and the same schedule, another seed others", () => {
  assert.deepEqual(digestsOf(SEED), digestsOf(SEED));
  assert.notDeepEqual(digestsOf(SEED), digestsOf(SEED + 1));
  assert.deepEqual(planSteps(SEED, 50, tags), planSteps(SEED, 50, tags));
  assert.notDeepEqual(pullsOf(50), pullsOf(50, SEED + 1));
});

test("a schedule has as many pulls as asked for, numbered from 1", () => {
  for (const count of [1, 2, 40, 200]) {
    assert.deepEqual(
      pullsOf(count).map(({ id }) => id),
      Array.from({ length: count }, (_, index) => index + 1),
    );
  }
});

test("images share layers, have 1 to 12 of them, and some have an index with an attestation", () => {
  const images = tags.flatMap(({ roots }) => roots.map(({ image }) => image));
  const counts = images.map(({ layers }) => layers.length);
  assert.deepEqual([Math.min(...counts), Math.max(...counts)], [1, 12]);
  const digests = images.flatMap(({ layers }) => layers.map(({ digest }) => digest));
  assert.ok(new Set(digests).size < digests.length, "layers are shared");
  const indexes = tags.flatMap(({ roots }) => roots).filter(({ content }) => content.kind === "index");
  assert.ok(indexes.length >= 3);
  for (const { content } of indexes) assert.match(content.manifest.bytes.toString(), /attestation-manifest/);
});

test("one digest is under two tags and under two repositories, and tags move", () => {
  const digestOf = (name: string): string | undefined =>
    tags.find(({ repository, tag }) => `${repository}:${tag}` === name)?.roots[0].digest;
  assert.equal(digestOf("lib/service-0:v1"), digestOf("lib/service-0:stable"));
  assert.equal(digestOf("lib/service-1:v1"), digestOf("lib/alias-1:v1"));
  assert.equal(tags.filter(({ roots }) => roots.length === 2).length, 2);
});

test("a long schedule has every kind of pull", () => {
  const steps = planSteps(SEED, 400, tags);
  const pulls = pullsOf(400);
  const share = (wanted: (pull: PlannedPull) => boolean): number => pulls.filter(wanted).length / pulls.length;
  assert.ok(share(({ killAfterMs }) => killAfterMs !== undefined) > 0.03, "killed");
  assert.ok(share(({ reference }) => reference.startsWith("absent-")) > 0.01, "missing");
  assert.ok(share(({ reference }) => reference.startsWith("sha256:")) > 0.05, "by digest");
  assert.ok(share(({ registry }) => registry === "warm") > 0.05, "warm");
  for (const credentials of ["right", "wrong", "none"]) {
    assert.ok(
      pulls.some((pull) => pull.registry === "private" && pull.credentials === credentials),
      credentials,
    );
  }
  assert.ok(
    steps.some((step) => step.kind === "pull" && step.pulls.length > 1),
    "the same image at once",
  );
  assert.ok(
    steps.some((step) => step.kind === "remove"),
    "removals",
  );
  assert.ok(
    steps.some((step) => step.kind === "move"),
    "moved tags",
  );
});

test("credentials are given to the private registry alone", () => {
  for (const { registry, credentials } of pullsOf(400)) if (registry !== "private") assert.equal(credentials, "none");
});
