import { parseAllDocuments } from "yaml";
import { createPodman } from "../support/clients/podman.ts";
import { missingPrograms } from "../support/clients/programs.ts";
import { testCandidate } from "./scenarios.ts";
import { readExample } from "./stage.ts";
import { containersSubject } from "./subject.ts";

testCandidate({
  title: "podman 4 with the drop-in of examples/podman",
  missing: missingPrograms("bookworm", "podman", "docker-registry"),
  config: readExample("pullmeter.yaml"),
  subject: (stage) =>
    containersSubject(stage, readExample("podman/50-pullmeter.conf"), async (options) =>
      createPodman({ release: "bookworm", ...options }),
    ),
  isolation: "podman",
  sharesDownloads: false,
  sharesLayers: true,
});

const sidecar = sidecarFiles();

testCandidate({
  title: "podman 5 with the files of examples/sidecar-pod.yaml",
  missing: missingPrograms("sid", "podman") ?? missingPrograms("bookworm", "docker-registry"),
  config: sidecar["config.yaml"] ?? "",
  subject: (stage) =>
    containersSubject(stage, sidecar["registries.conf"] ?? "", async (options) =>
      createPodman({ release: "sid", ...options }),
    ),
  isolation: "podman",
  sharesDownloads: false,
  sharesLayers: true,
});

/** The files that the sidecar's ConfigMap puts into the pod. */
function sidecarFiles(): Readonly<Record<string, string>> {
  const objects = parseAllDocuments(readExample("sidecar-pod.yaml")).map(
    (document) => document.toJS() as { data?: object },
  );
  return { ...objects.find((object) => object.data)?.data };
}
