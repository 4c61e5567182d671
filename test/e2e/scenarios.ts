import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { PullResult } from "../support/clients/client.ts";
import { buildImage, buildIndex, buildLayer, type Image } from "../support/clients/image.ts";
import type { PullLine } from "./pullmeter.ts";
import { openStage, type Stage } from "./stage.ts";
import type { Subject } from "./subject.ts";

/** A client, and how it differs from others on the wire. */
export interface Candidate {
  /** "podman 4 (bookworm)"; names the suite, and its repositories. */
  readonly title: string;
  /** Why it cannot run here. */
  readonly missing: string | undefined;
  /** Text of the example configuration of pullmeter. */
  readonly config: string;
  readonly subject: (stage: Stage) => Subject;
  readonly isolation: string;
  readonly trigger?: "execution" | "warmup";
  /** Also used to look at images only: no pull unless it asks for a layer. */
  readonly mayOnlyLook?: boolean;
  /** A daemon downloads a layer once for two pulls; a process downloads for itself. */
  readonly sharesDownloads: boolean;
  /** A layer that is in the store is not requested again for another image. skopeo has a store for each image. */
  readonly sharesLayers: boolean;
  /** Asks mirrors for docker.io only. */
  readonly dockerHubOnly?: boolean;
}

/** The scenarios of a candidate, each with a repository of its own. */
export function testCandidate(candidate: Candidate): void {
  suite(candidate.title, { skip: candidate.missing ?? false }, () => {
    let stage: Stage;
    let subject: Subject;
    before(async () => {
      stage = await openStage(candidate.config);
      subject = candidate.subject(stage);
    });
    after(async () => {
      await subject.close();
      await stage.close();
    });

    const slug = candidate.title
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-|-$/g, "");
    const labels = { isolation: candidate.isolation, trigger: candidate.trigger ?? "execution" } as const;
    const ok = { ...labels, registry: "docker.io", status: "ok", cause: "none", on_disk: false, has_creds: false };
    const withoutLayers = <T>(pull: T): readonly T[] => (candidate.mayOnlyLook === true ? [] : [pull]);
    const refused = { ...ok, status: "user_error", cause: "unauthorized" };

    test("a pull by tag of an image that is not there", async () => {
      const repository = `${slug}/cold-tag`;
      const image = threeLayers();
      await stage.open.push(repository, "v1", image);
      const result = await (await subject.as("nobody")).pull(`docker.io/${repository}:v1`);
      succeeded(result);
      const [pull] = await stage.expectPulls(repository, [
        { ...ok, reference: "v1", layers_requested: 3, attempts: 1 },
      ]);
      const bytes = [image.manifest, image.config, ...image.layers].reduce((sum, blob) => sum + blob.size, 0);
      assert.equal(pull?.bytes, bytes);
      within(result, pull);
    });

    test("a pull by digest of an image that is not there", async () => {
      const repository = `${slug}/cold-digest`;
      const image = threeLayers();
      await stage.open.push(repository, "v1", image);
      const reference = image.manifest.digest;
      succeeded(await (await subject.as("nobody")).pull(`docker.io/${repository}@${reference}`));
      await stage.expectPulls(repository, [{ ...ok, reference, layers_requested: 3 }]);
    });

    test("a repeated pull of an image that is on disk", async () => {
      const repository = `${slug}/on-disk`;
      await stage.open.push(repository, "v1", threeLayers());
      const client = await subject.as("nobody");
      succeeded(await client.pull(`docker.io/${repository}:v1`));
      await stage.expectPulls(repository, [ok]);
      succeeded(await client.pull(`docker.io/${repository}:v1`));
      await stage.expectPulls(repository, [ok, ...withoutLayers({ ...ok, on_disk: true })]);
    });

    test("a pull after the image was removed", async () => {
      const repository = `${slug}/removed`;
      await stage.open.push(repository, "v1", threeLayers());
      const client = await subject.as("nobody");
      succeeded(await client.pull(`docker.io/${repository}:v1`));
      await stage.expectPulls(repository, [ok]);
      await client.remove(`docker.io/${repository}:v1`);
      succeeded(await client.pull(`docker.io/${repository}:v1`));
      const both = [ok, ok].map((pull) => ({ ...pull, layers_requested: 3 }));
      await stage.expectPulls(repository, both);
    });

    test("a pull of an image for several architectures", async () => {
      const repository = `${slug}/multi-arch`;
      const arm64 = buildImage({ layers: [buildLayer({ bytes: 100_000 })], architecture: "arm64" });
      await stage.open.push(repository, "v1", buildIndex({ arm64, amd64: threeLayers() }));
      succeeded(await (await subject.as("nobody")).pull(`docker.io/${repository}:v1`));
      await stage.expectPulls(repository, [{ ...ok, layers_requested: 3 }]);
    });

    test("a pull of an image that shares layers with one of another repository", async () => {
      const base = threeLayers();
      const derived = buildImage({ layers: [...base.layers, buildLayer({ bytes: 200_000 })], label: "derived" });
      await stage.open.push(`${slug}/base`, "v1", base);
      await stage.open.push(`${slug}/derived`, "v1", derived);
      const client = await subject.as("nobody");
      succeeded(await client.pull(`docker.io/${slug}/base:v1`));
      succeeded(await client.pull(`docker.io/${slug}/derived:v1`));
      await stage.expectPulls(`${slug}/base`, [{ ...ok, layers_requested: 3 }]);
      const requested = candidate.sharesLayers ? { layers_requested: 1, layers_on_disk: 3 } : { layers_requested: 4 };
      await stage.expectPulls(`${slug}/derived`, [{ ...ok, ...requested }]);
    });

    test("a pull of a tag that does not exist", async () => {
      const repository = `${slug}/missing`;
      await stage.open.push(repository, "v1", threeLayers());
      failed(await (await subject.as("nobody")).pull(`docker.io/${repository}:v2`));
      await stage.expectPulls(repository, withoutLayers({ ...refused, cause: "not_found" }));
    });

    test("a pull that is killed in the middle of a layer", async () => {
      const repository = `${slug}/killed`;
      await stage.open.push(repository, "v1", threeLayers());
      stage.gate.hold(repository);
      const killer = new AbortController();
      const pull = (await subject.as("nobody")).pull(`docker.io/${repository}:v1`, { signal: killer.signal });
      await stage.gate.reached(repository, "layer", 1);
      killer.abort();
      failed(await pull);
      // Docker's graph driver now and then forgets to close one of a cancelled pull's connections: let its layer end.
      await stage.pullmeter.observed(repository, 1, 4000).catch(() => stage.gate.release(repository));
      await stage.expectPulls(repository, [{ ...ok, status: "canceled", cause: "client_aborted" }]);
      stage.gate.release(repository);
    });

    test("two pulls of the same image at once", async () => {
      const repository = `${slug}/together`;
      await stage.open.push(repository, "v1", threeLayers());
      stage.gate.hold(repository);
      const client = await subject.as("nobody");
      const pulls = [1, 2].map(async () => client.pull(`docker.io/${repository}:v1`));
      // Layers are held until both pulls have begun; where nothing is shared, until more of them are asked for than
      // one pull needs: else the second process could still find on disk what the first one has just stored.
      await stage.gate.reached(repository, "layer", candidate.sharesDownloads ? 1 : 4);
      await stage.gate.reached(repository, "resolve", 2);
      stage.gate.release(repository);
      for (const result of await Promise.all(pulls)) succeeded(result);
      const observed = await stage.expectPulls(repository, [ok, ok]);
      // Of a daemon's pulls either can be the one that downloads a layer for both.
      if (candidate.sharesDownloads)
        assert.ok(
          observed.some((pull) => pull.joined),
          JSON.stringify(observed),
        );
    });

    if (candidate.dockerHubOnly !== true) testCredentials();

    function testCredentials(): void {
      const basic = { ...ok, registry: "quay.io" };
      const token = { ...ok, registry: "ghcr.io" };
      const denied = { status: "user_error", cause: "unauthorized" };

      test("basic authentication: without credentials", async () => {
        const repository = `${slug}/basic-nobody`;
        await stage.basic.push(repository, "v1", threeLayers());
        failed(await (await subject.as("nobody")).pull(`quay.io/${repository}:v1`));
        await stage.expectPulls(repository, withoutLayers({ ...basic, ...denied }));
      });

      test("basic authentication: with the right credentials", async () => {
        const repository = `${slug}/basic-alice`;
        await stage.basic.push(repository, "v1", threeLayers());
        succeeded(await (await subject.as("alice")).pull(`quay.io/${repository}:v1`));
        await stage.expectPulls(repository, [{ ...basic, has_creds: true, layers_requested: 3 }]);
      });

      test("basic authentication: with wrong credentials", async () => {
        const repository = `${slug}/basic-mallory`;
        await stage.basic.push(repository, "v1", threeLayers());
        failed(await (await subject.as("mallory")).pull(`quay.io/${repository}:v1`));
        await stage.expectPulls(repository, withoutLayers({ ...basic, ...denied, has_creds: true }));
      });

      test("bearer tokens: a public image, without credentials", async () => {
        const repository = `${slug}/token-nobody`;
        await stage.token.push(repository, "v1", threeLayers());
        succeeded(await (await subject.as("nobody")).pull(`ghcr.io/${repository}:v1`));
        await stage.expectPulls(repository, [{ ...token, layers_requested: 3 }]);
      });

      test("bearer tokens: a private image, without credentials", async () => {
        const repository = `private/${slug}-nobody`;
        await stage.token.push(repository, "v1", threeLayers());
        failed(await (await subject.as("nobody")).pull(`ghcr.io/${repository}:v1`));
        await stage.expectPulls(repository, withoutLayers({ ...token, ...denied }));
      });

      test("bearer tokens: a private image, with the right credentials", async () => {
        const repository = `private/${slug}-alice`;
        await stage.token.push(repository, "v1", threeLayers());
        succeeded(await (await subject.as("alice")).pull(`ghcr.io/${repository}:v1`));
        await stage.expectPulls(repository, [{ ...token, has_creds: true, layers_requested: 3 }]);
      });
    }

    test("nothing else was observed, and both histograms count what the log tells", async () => {
      await stage.expectNothingElse();
    });
  });
}

/** 100, 200 and 300 kB: each comes in several chunks, and none takes time that one would notice. */
function threeLayers(): Image {
  return buildImage({ layers: [100_000, 200_000, 300_000].map((bytes) => buildLayer({ bytes })) });
}

function succeeded(result: PullResult): void {
  assert.equal(result.exitCode, 0, result.error);
}

function failed(result: PullResult): void {
  assert.notEqual(result.exitCode, 0, "the pull succeeded");
}

/** The pull as observed lies within the time that the client took. The log's times are whole milliseconds. */
function within(result: PullResult, pull: PullLine | undefined): void {
  assert.ok(pull);
  const start = Date.parse(pull.start);
  const end = Date.parse(pull.transfer_end);
  assert.ok(start >= Math.floor(result.startMs) && start <= end, `${start} is before ${result.startMs}`);
  assert.ok(end <= Math.ceil(result.endMs), `${end} is after ${result.endMs}`);
}
