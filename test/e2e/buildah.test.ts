import { createBuildah } from "../support/clients/buildah.ts";
import { missingPrograms } from "../support/clients/programs.ts";
import { testCandidate } from "./scenarios.ts";
import { readExample } from "./stage.ts";
import { containersSubject } from "./subject.ts";

for (const [title, release] of [
  ["buildah 1.28", "bookworm"],
  ["buildah 1.43 and later", "sid"],
] as const) {
  testCandidate({
    title,
    missing: missingPrograms(release, "buildah") ?? missingPrograms("bookworm", "docker-registry"),
    config: readExample("pullmeter.yaml"),
    subject: (stage) =>
      containersSubject(stage, readExample("podman/50-pullmeter.conf"), async (options) =>
        createBuildah({ release, ...options }),
      ),
    isolation: "buildah",
    sharesDownloads: false,
    sharesLayers: true,
  });
}
