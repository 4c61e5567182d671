import { startContainerd } from "../support/clients/containerd.ts";
import { missingPrograms } from "../support/clients/programs.ts";
import { testCandidate } from "./scenarios.ts";
import { readExample } from "./stage.ts";
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
    together: "joined",
    sharesLayers: true,
  });
}

testCandidate({
  title: "containerd 2 with its own labels in hosts.toml",
  missing: missingPrograms("sid", "containerd") ?? missingPrograms("bookworm", "docker-registry"),
  config: readExample("pullmeter.yaml"),
  subject: (stage) =>
    daemonSubject(async () =>
      startContainerd({
        release: "sid",
        hosts: { _default: withLabels(stage.localise(hosts), "firecracker", "warmup") },
      }),
    ),
  isolation: "firecracker",
  trigger: "warmup",
  together: "joined",
  sharesLayers: true,
});

/** The example's text with other values for its two headers. */
function withLabels(text: string, isolation: string, trigger: string): string {
  return text
    .replace('x-pullmeter-isolation = "containerd"', `x-pullmeter-isolation = "${isolation}"`)
    .replace('x-pullmeter-trigger = "execution"', `x-pullmeter-trigger = "${trigger}"`);
}
