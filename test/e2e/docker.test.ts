import { startDockerd } from "../support/clients/dockerd.ts";
import { missingPrograms } from "../support/clients/programs.ts";
import { testCandidate } from "./scenarios.ts";
import { readExample } from "./stage.ts";
import { daemonSubject } from "./subject.ts";

for (const [title, release, imageStore] of [
  ["Docker 20.10, graph driver", "bookworm", "graphdriver"],
  ["Docker 28, graph driver", "sid", "graphdriver"],
  ["Docker 28, containerd store", "sid", "containerd"],
] as const) {
  testCandidate({
    title,
    missing: missingPrograms(release, "dockerd", "containerd") ?? missingPrograms("bookworm", "docker-registry"),
    config: readExample("pullmeter.yaml"),
    subject: (stage) =>
      daemonSubject(async () => {
        const daemonJson = stage.localise(readExample("docker/daemon.json"));
        return startDockerd({ release, imageStore, daemonJson });
      }),
    isolation: "docker",
    together: "joined",
    sharesLayers: true,
    dockerHubOnly: true,
  });
}
