// The clients against the registries, without pullmeter: what fails here is no fault of the product.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createBuildah } from "../support/clients/buildah.ts";
import type { Client, Mirror } from "../support/clients/client.ts";
import { startContainerd } from "../support/clients/containerd.ts";
import { ALICE, startDockerRegistry } from "../support/clients/docker-registry.ts";
import { startDockerd } from "../support/clients/dockerd.ts";
import { buildImage, buildLayer } from "../support/clients/image.ts";
import { createPodman } from "../support/clients/podman.ts";
import { missingPrograms, type Program, type Release } from "../support/clients/programs.ts";
import { createSkopeo } from "../support/clients/skopeo.ts";

type Create = (release: Release, mirror: Mirror) => Promise<Client>;

const CLIENTS: readonly (readonly [name: string, programs: readonly Program[], create: Create])[] = [
  ["podman", ["podman"], async (release, mirror) => createPodman({ release, mirrors: [mirror] })],
  ["buildah", ["buildah"], async (release, mirror) => createBuildah({ release, mirrors: [mirror] })],
  ["skopeo", ["skopeo"], async (release, mirror) => createSkopeo({ release, mirrors: [mirror] })],
  [
    "ctr",
    ["containerd", "ctr"],
    async (release, mirror) => startContainerd({ release, api: "ctr", mirrors: [mirror] }),
  ],
  ["containerd by CRI", ["containerd"], async (release, mirror) => startContainerd({ release, mirrors: [mirror] })],
  ["dockerd", ["dockerd"], async (release, mirror) => startDockerd({ release, mirror: mirror.url })],
];

for (const release of ["bookworm", "sid"] as const) {
  for (const [name, programs, create] of CLIENTS) {
    const skip = missingPrograms(release, ...programs) ?? missingPrograms("bookworm", "docker-registry") ?? false;
    test(
      `${name} from ${release} pulls, lists and removes an image, and fails for one that is not there`,
      { skip },
      async (t) => {
        const registry = await startDockerRegistry({ auth: "none" });
        t.after(registry.close);
        await registry.push("library/app", "v1", buildImage({ layers: [buildLayer({ bytes: 1000 })] }));
        const client = await create(release, { registry: "docker.io", url: registry.url });
        t.after(client.close);
        t.diagnostic(`${client.name} ${client.version}`);

        const pulled = await client.pull("docker.io/library/app:v1");
        assert.equal(pulled.exitCode, 0, pulled.error);
        assert.ok(pulled.startMs < pulled.endMs);
        assert.ok((await client.list()).some((image) => image.endsWith("app:v1")));

        await client.remove("docker.io/library/app:v1");
        assert.deepEqual(
          (await client.list()).filter((image) => image.endsWith("app:v1")),
          [],
        );
        await assert.rejects(client.remove("docker.io/library/app:v1"));

        const missing = await client.pull("docker.io/library/app:v2");
        assert.notEqual(missing.exitCode, 0);
        assert.notEqual(missing.error, "");
      },
    );
  }
}

for (const auth of ["basic", "token"] as const) {
  const skip = missingPrograms("bookworm", "docker-registry", "skopeo", "openssl") ?? false;
  test(`a private image is alice's alone, where the registry wants ${auth}`, { skip }, async (t) => {
    const registry = await startDockerRegistry({ auth });
    t.after(registry.close);
    await registry.push("private/app", "v1", buildImage({ layers: [buildLayer({ bytes: 1000 })] }));
    const skopeo = await createSkopeo({
      release: "bookworm",
      registriesConf: `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`,
    });
    t.after(skopeo.close);
    const image = `${registry.host}/private/app:v1`;
    assert.equal((await skopeo.pull(image, { credentials: ALICE })).exitCode, 0);
    assert.notEqual((await skopeo.pull(image, { credentials: { ...ALICE, password: "wrong" } })).exitCode, 0);
    assert.notEqual((await skopeo.pull(image)).exitCode, 0);
  });
}
