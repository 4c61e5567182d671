import type { Client, PullOptions } from "./client.ts";
import { makeContainersHome, type ContainersOptions } from "./containers-config.ts";
import { runOk, runPull } from "./process.ts";
import { programPath, programVersion } from "./programs.ts";

/** buildah, one process per pull, all over one store. */
export async function createBuildah(options: ContainersOptions): Promise<Client> {
  const { release } = options;
  const path = programPath("buildah", release);
  const { env, policyFile, close } = await makeContainersHome("buildah", options);
  let lastError = "";
  return {
    name: "buildah",
    release,
    version: programVersion("buildah", release),
    pull: async (image, pull: PullOptions = {}) => {
      const { credentials } = pull;
      const creds = credentials ? [`--creds=${credentials.username}:${credentials.password}`] : [];
      // Without a policy buildah asks the registry only for images that are not in the store.
      const args = ["pull", "--policy=always", "--quiet", `--signature-policy=${policyFile}`, ...creds, image];
      const result = await runPull(path, args, env, pull);
      lastError = result.error;
      return result;
    },
    remove: async (image) => void (await runOk(path, ["rmi", image], { env })),
    list: async () => {
      const printed = await runOk(path, ["images", "--noheading", "--format", "{{.Name}}:{{.Tag}}"], { env });
      return printed.split("\n").filter((line) => line !== "");
    },
    log: () => lastError,
    close,
  };
}
