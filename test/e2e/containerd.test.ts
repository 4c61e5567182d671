import assert from "node:assert/strict";
import { test } from "node:test";
import { startContainerd } from "../support/clients/containerd.ts";
import { buildImage, buildLayer } from "../support/clients/image.ts";
import { missingPrograms } from "../support/clients/programs.ts";
import { testCandidate } from "./scenarios.ts";
import { openStage, readExample } from "./stage.ts";
import { daemonSubject } from "./subject.ts";

const hosts = readExample("containerd/certs.d/_default/hosts.toml");

for (const [title, release, api] of [
  ["containerd 1.6, CRI", "bookworm", "cri"],
  ["containerd 1.6, ctr", "bookworm", "ctr"],
  ["containerd 2, CRI", "sid", "cri"],
  ["containerd 2, ctr", "sid", "ctr"],
] as const) {
  testCandidate({
    title,
    missing: missingPrograms(release, "containerd", "ctr") ?? missingPrograms("bookworm", "docker-registry"),
    config: readExample("pullmeter.yaml"),
    subject: (stage) =>
      daemonSubject(async () => startContainerd({ release, api, hosts: { _default: stage.localise(hosts) } })),
    isolation: "containerd",
    sharesDownloads: true,
    sharesLayers: true,
  });
}

test(
  "the headers in hosts.toml set the labels of the pull",
  { skip: missingPrograms("sid", "containerd") ?? missingPrograms("bookworm", "docker-registry") ?? false },
  async (t) => {
    const stage = await openStage(readExample("pullmeter.yaml"));
    t.after(stage.close);
    const labelled = withLabels(stage.localise(hosts), "firecracker", "warmup");
    const containerd = await startContainerd({ release: "sid", hosts: { _default: labelled } });
    t.after(containerd.close);
    await stage.open.push("labels/app", "v1", buildImage({ layers: [buildLayer({ bytes: 1000 })] }));
    const result = await containerd.pull("docker.io/labels/app:v1");
    assert.equal(result.exitCode, 0, result.error);
    const labels = { registry: "docker.io", status: "ok", on_disk: false, has_creds: false };
    await stage.expectPulls("labels/app", [{ ...labels, isolation: "firecracker", trigger: "warmup" }]);
    await stage.expectNothingElse();
  },
);

/** The example's text with other values for its two headers. */
function withLabels(text: string, isolation: string, trigger: string): string {
  return text
    .replace('x-pullmeter-isolation = "containerd"', `x-pullmeter-isolation = "${isolation}"`)
    .replace('x-pullmeter-trigger = "execution"', `x-pullmeter-trigger = "${trigger}"`);
}
