import { missingPrograms } from "../support/clients/programs.ts";
import { createSkopeo } from "../support/clients/skopeo.ts";
import { testCandidate } from "./scenarios.ts";
import { readExample } from "./stage.ts";
import { containersSubject } from "./subject.ts";

for (const [title, release] of [
  ["skopeo 1.9", "bookworm"],
  ["skopeo 1.22 and later", "sid"],
] as const) {
  testCandidate({
    title,
    missing: missingPrograms(release, "skopeo") ?? missingPrograms("bookworm", "docker-registry"),
    config: readExample("pullmeter.yaml"),
    subject: (stage) =>
      containersSubject(stage, readExample("podman/50-pullmeter.conf"), async (options) =>
        createSkopeo({ release, ...options }),
      ),
    isolation: "skopeo",
    sharesDownloads: false,
    sharesLayers: false,
    mayOnlyLook: true,
  });
}
