import assert from "node:assert/strict";
import { test } from "node:test";
import { ALICE } from "../support/clients/docker-registry.ts";
import { startDockerd } from "../support/clients/dockerd.ts";
import { buildImage, buildLayer } from "../support/clients/image.ts";
import { missingPrograms, type Release } from "../support/clients/programs.ts";
import { testCandidate } from "./scenarios.ts";
import { openStage, readExample } from "./stage.ts";
import { daemonSubject } from "./subject.ts";

const STORES = [
  ["Docker 20.10, graph driver", "bookworm", "graphdriver"],
  ["Docker 28, graph driver", "sid", "graphdriver"],
  ["Docker 28, containerd store", "sid", "containerd"],
] as const;

for (const [title, release, imageStore] of STORES) {
  testCandidate({
    title,
    missing: missing(release),
    config: readExample("pullmeter.yaml"),
    subject: (stage) =>
      daemonSubject(async () => {
        const daemonJson = stage.localise(readExample("docker/daemon.json"));
        return startDockerd({ release, imageStore, daemonJson });
      }),
    isolation: "docker",
    sharesDownloads: true,
    sharesLayers: true,
    dockerHubOnly: true,
  });
}

for (const [title, release, imageStore] of STORES) {
  test(`credentials for Docker Hub at a mirror: ${title}`, { skip: missing(release) ?? false }, async (t) => {
    const stage = await openStage(readExample("pullmeter.yaml"), { dockerHub: "basic" });
    t.after(stage.close);
    const daemonJson = stage.localise(readExample("docker/daemon.json"));
    const docker = await startDockerd({ release, imageStore, daemonJson });
    t.after(docker.close);
    const labels = { isolation: "docker", trigger: "execution", registry: "docker.io", on_disk: false };
    const denied = { ...labels, status: "user_error", cause: "unauthorized", has_creds: false };
    const image = buildImage({ layers: [buildLayer({ bytes: 1000 })] });
    for (const repository of ["login/nobody", "login/alice"]) await stage.basic.push(repository, "v1", image);

    assert.notEqual((await docker.pull("docker.io/login/nobody:v1")).exitCode, 0);
    const alice = await docker.pull("docker.io/login/alice:v1", { credentials: ALICE });
    if (imageStore === "containerd") {
      // The containerd store keeps the credentials for Docker Hub itself.
      assert.notEqual(alice.exitCode, 0);
      await stage.expectPulls("login/nobody", [denied]);
      await stage.expectPulls("login/alice", [denied]);
    } else {
      assert.equal(alice.exitCode, 0, alice.error);
      // Without credentials the graph driver turns away after GET /v2/, which names no image.
      await stage.expectPulls("login/nobody", []);
      await stage.expectPulls("login/alice", [{ ...labels, status: "ok", cause: "none", has_creds: true }]);
    }
    await stage.expectNothingElse();
  });
}

function missing(release: Release): string | undefined {
  return missingPrograms(release, "dockerd", "containerd") ?? missingPrograms("bookworm", "docker-registry");
}
